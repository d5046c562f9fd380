import Basics
import Foundation
import Testing

@testable import Reactor

@Suite("What reads archives on damaged input")
struct ArchivePropertyTests {
  private static func inputs(_ folder: String, _ target: ArchiveTarget) -> [[UInt8]] {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let path = root.appending(path: "fuzz/\(folder)/\(target.rawValue)").path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.sorted().compactMap {
      FileManager.default.contents(atPath: "\(path)/\($0)").map { Array($0) }
    }
  }

  private static func check(_ target: ArchiveTarget, _ bytes: [UInt8]) {
    guard let violation = bytes.withUnsafeBytes({ target.violation($0) }) else { return }
    Issue.record("\(violation), from \(Hex.encode(bytes.prefix(1_000)))")
  }

  // SFT-14
  @Test("seeds and former crashes hold, whole and cut short", arguments: ArchiveTarget.allCases)
  func truncation(_ target: ArchiveTarget) {
    let seeds = Self.inputs("seeds", target)
    #expect(!seeds.isEmpty)
    for seed in seeds + Self.inputs("crashes", target) {
      for length in stride(from: 0, through: seed.count, by: 127) {
        Self.check(target, Array(seed[..<length]))
      }
      Self.check(target, seed)
    }
  }

  @Test("seeds hold with bits flipped, checksums put right or not", arguments: ArchiveTarget.allCases)
  func bitFlips(_ target: ArchiveTarget) {
    var random = SeededGenerator(seed: 1)
    for seed in Self.inputs("seeds", target) {
      for flag: UInt8 in [0, 1] {
        for _ in 0..<60 {
          var damaged = seed
          damaged[0] = flag
          damaged[Int.random(in: 1..<seed.count, using: &random)] ^=
            1 << UInt8.random(in: 0..<8, using: &random)
          Self.check(target, damaged)
        }
      }
    }
  }
}
