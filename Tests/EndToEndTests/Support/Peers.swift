import Basics
import Foundation
import Testing

/// A `derphole listen` that has printed its token.
struct Listen {
  let child: Child
  let token: String
  /// The relay that it waits at, which ends with it.
  private var relay: Relay?

  init(
    _ options: [String], globals: [String] = ["--verbose"], environment: [String: String] = [:],
    output: Child.Output = .collected
  ) throws {
    child = try Child(
      "derphole", globals + ["listen"] + options, environment: environment, output: output)
    token = try child.line { line in line.wholeMatch(of: /[A-Za-z0-9_-]{170,}/).map { String($0.output) } }
  }

  /// The relay alone carries the session, whatever addresses this machine has: what is tested is the relay's part.
  init(
    at relay: Relay, globals: [String] = ["--verbose"], environment: [String: String] = [:],
    output: Child.Output = .collected
  ) throws {
    try self.init(
      ["--derp", relay.url, "--force-relay"], globals: globals, environment: environment, output: output)
    self.relay = relay
  }

  /// A `derphole pipe` to it.
  func pipe(
    _ input: Child.Input, globals: [String] = ["--verbose"], environment: [String: String] = [:]
  ) throws -> Child {
    try Child("derphole", globals + ["pipe", token], environment: environment, input: input)
  }
}

/// Bytes that look random and are the same each time.
func payload(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var generator = SeededGenerator(seed: seed)
  return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    let raw = UnsafeMutableRawBufferPointer(buffer)
    for offset in stride(from: 0, to: count, by: 8) {
      withUnsafeBytes(of: generator.next()) { word in
        UnsafeMutableRawBufferPointer(rebasing: raw[offset..<min(offset + 8, count)])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: word.prefix(count - offset)))
      }
    }
    filled = count
  }
}

/// Expects equal bytes without printing megabytes of them.
func expectEqual(_ received: [UInt8], _ sent: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(received.count == sent.count, sourceLocation: sourceLocation)
  let isEqual = received == sent
  #expect(isEqual, "the bytes differ", sourceLocation: sourceLocation)
}

/// Expects an exit code, and shows what the process said when it is another one.
func expectEnd(
  _ child: Child, _ status: Int32, within seconds: Double = 60,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let exit = try child.end(within: seconds)
  #expect(exit == status, "it wrote: \(child.errors)", sourceLocation: sourceLocation)
}

/// Every test here starts processes that want the processors, so they take turns.
@Suite(.serialized) enum EndToEndTests {}
