import Foundation
import Testing

/// A `derphole ssh invite` that has printed its token.
struct Invited {
  let relay: Relay
  let child: Child
  let token: String

  /// - Parameter wrapper: the program that starts it, with its arguments.
  init(_ options: [String], input: Child.Input = .null, through wrapper: [String] = []) throws {
    relay = try Relay()
    let command = ["--force-relay", "ssh", "invite", "--derp", relay.url] + options
    if let program = wrapper.first {
      child = try Child(program, wrapper.dropFirst() + [Programs.path("derphole")] + command, input: input)
    } else {
      child = try Child("derphole", command, input: input)
    }
    token = try child.line {
      $0.firstMatch(of: /derphole ssh accept ([A-Za-z0-9_-]{170,})/).map { String($0.output.1) }
    }
  }

  /// The `derphole ssh accept` of somebody with this home directory.
  func accept(_ options: [String], home: String) throws -> Child {
    try Child(
      "derphole", ["--force-relay", "ssh", "accept"] + options,
      environment: ["HOME": home, "DERPHOLE_TOKEN": token])
  }

  /// Types an answer once the question stands on the terminal.
  func answer(_ text: String) throws {
    var shown: [UInt8] = []
    while !String(decoding: shown, as: UTF8.self).contains("[y/N]") {
      guard let more = child.input.read(4_096) else { throw TestFailure("nobody was asked: \(child.errors)") }
      shown += more
    }
    child.input.write(Array(text.utf8))
  }
}

/// A public key of nobody.
let someKey =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBR3IdfhWvM3Z/GRfP8X37/Z/RVWVdo+5BJ37HeH7Rkw root@vm"

extension Scratch {
  /// A file with that key.
  func someKeyFile() throws -> String { try file("key.pub", Array((someKey + "\n").utf8)) }
}
