import Foundation
import Testing

@testable import Reactor

@Suite struct PartialFileTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  @Test func appearsOnlyWhenCommitted() throws {
    try withFolder { folder in
      let path = folder + "/received"
      let file = try PartialFile(path: path)
      #expect(write(file.descriptor, "abc", 3) == 3)
      #expect(!FileManager.default.fileExists(atPath: path))
      try file.commit()
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "abc")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["received"])
    }
  }

  @Test func leavesNothingBehindWhenDiscarded() throws {
    try withFolder { folder in
      _ = try PartialFile(path: folder + "/received")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  @Test func neverReplacesAFile() throws {
    try withFolder { folder in
      let path = folder + "/received"
      let file = try PartialFile(path: path)
      try "theirs".write(toFile: path, atomically: false, encoding: .utf8)
      #expect(throws: FileError.self) { try file.commit() }
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "theirs")
      #expect(throws: FileError.self) { try PartialFile(path: path) }
    }
  }
}
