import Foundation

/// Where the programs under test lie: `$DERPHOLE_BIN_DIR`, else where a release build of this checkout puts them.
enum Programs {
  private static let folder: String = {
    if let folder = ProcessInfo.processInfo.environment["DERPHOLE_BIN_DIR"] { return folder }
    let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return checkout.appendingPathComponent(".build/release").path
  }()

  /// The path of a program; one with a slash is its own path.
  static func path(_ name: String) throws -> String {
    if name.contains("/") { return name }
    let path = "\(folder)/\(name)"
    guard access(path, X_OK) == 0 else { throw TestFailure("\(path) is missing: run make build first") }
    return path
  }
}

/// A folder of one test, removed with it.
final class Scratch: Sendable {
  let path: String

  init() throws {
    var template = Array("\(NSTemporaryDirectory())/derphole-test.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp failed") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file and returns its path.
  func file(_ name: String, _ content: [UInt8]) throws -> String {
    let path = file(name)
    try Data(content).write(to: URL(fileURLWithPath: path))
    return path
  }

  func content(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: file(name))))
  }
}
