import Foundation
import Testing

/// The side of a `derphole send` or `derphole receive` that has printed its code.
struct Invitation {
  let child: Child
  let code: String
  /// The relay that it waits at, which ends with it.
  private let relay: Relay

  private init(_ relay: Relay, _ arguments: [String], _ input: Child.Input, _ output: Child.Output) throws {
    self.relay = relay
    let everywhere = ["--force-relay", "--derp", relay.url]
    child = try Child("derphole", arguments + everywhere, input: input, output: output)
    code = try child.line { line in
      line.firstMatch(of: /[A-Za-z0-9_-]{170,}/).map { String($0.output) }
    }
  }

  /// A `derphole send` with these arguments.
  static func send(
    _ arguments: [String], at relay: Relay, globals: [String] = [], input: Child.Input = .null
  ) throws -> Invitation {
    try Invitation(relay, globals + ["send"] + arguments, input, .collected)
  }

  /// A `derphole receive` without a code.
  static func receive(_ arguments: [String], at relay: Relay, globals: [String] = []) throws -> Invitation {
    try Invitation(relay, globals + ["receive"] + arguments, .null, .collected)
  }

  /// The `derphole receive` for the code of a `derphole send`.
  func receiver(
    _ arguments: [String] = [], globals: [String] = [], output: Child.Output = .collected
  ) throws -> Child {
    try Child("derphole", globals + ["--force-relay", "receive", code] + arguments, output: output)
  }
}

extension Child {
  /// Its failures: lines that name the program. Everything else tells what goes on.
  var failures: [String] { errorLines.filter { $0.hasPrefix("derphole: ") } }

  /// Waits for the `progress` event that says that so many bytes are there, with `--json`.
  func progress(of bytes: Int) throws {
    try line { (line) -> Void? in
      guard line.contains(#""event":"progress""#), let there = Self.number("bytes", in: line), there >= bytes
      else { return nil }
      return ()
    }
  }

  /// A counter of the `finished` event, after the end of a process with `--json`.
  func finished(_ name: String) throws -> Int {
    let line = try line { $0.contains(#""event":"finished""#) ? $0 : nil }
    guard let number = Self.number(name, in: line) else { throw TestFailure("no \(name) in \(line)") }
    return number
  }

  private static func number(_ name: String, in line: String) -> Int? {
    line.firstRange(of: "\"\(name)\":").flatMap { Int(line[$0.upperBound...].prefix(while: \.isNumber)) }
  }
}

extension Scratch {
  /// Makes a folder and returns its path.
  func folder(_ name: String) throws -> String {
    try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
    return file(name)
  }

  /// The names in a folder, in order.
  func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: file(folder)).sorted()
  }

  /// Everything below a folder, a line each: kind and permissions, path, content or target, and a file's time.
  func listing(of folder: String) throws -> [String] {
    let root = file(folder)
    return try FileManager.default.subpathsOfDirectory(atPath: root).sorted().map { path in
      var status = stat()
      guard lstat("\(root)/\(path)", &status) == 0 else { throw TestFailure("lstat \(path)") }
      let mode = String(status.st_mode, radix: 8)
      switch status.st_mode & S_IFMT {
      case S_IFLNK:
        return "\(path) -> \(try FileManager.default.destinationOfSymbolicLink(atPath: "\(root)/\(path)"))"
      case S_IFDIR: return "\(mode) \(path)/"
      default:
        let content = try Data(contentsOf: URL(fileURLWithPath: "\(root)/\(path)")).base64EncodedString()
        return "\(mode) \(path) \(content) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
      }
    }
  }
}
