import Basics
import Foundation
import Testing

@Suite("Every decoder on damaged input")
struct PropertyTests {
  private static let fuzz = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "fuzz")

  private static func inputs(_ folder: String, _ target: WireTarget) -> [[UInt8]] {
    let path = fuzz.appending(path: "\(folder)/\(target.rawValue)").path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { !$0.hasPrefix(".") }.sorted().compactMap {
      FileManager.default.contents(atPath: "\(path)/\($0)").map { Array($0) }
    }
  }

  private static func check(_ target: WireTarget, _ bytes: [UInt8]) {
    guard let violation = bytes.withUnsafeBytes({ target.violation($0) }) else { return }
    Issue.record("\(violation), from \(Hex.encode(bytes))")
  }

  @Test("seeds hold, whole and cut short at every length", arguments: WireTarget.allCases)
  func truncation(_ target: WireTarget) {
    let seeds = Self.inputs("seeds", target)
    #expect(!seeds.isEmpty)
    for seed in seeds {
      for length in 0...seed.count {
        Self.check(target, Array(seed[..<length]))
      }
    }
  }

  @Test("seeds hold with any bit flipped", arguments: WireTarget.allCases)
  func bitFlips(_ target: WireTarget) {
    var random = SeededGenerator(seed: 1)
    for seed in Self.inputs("seeds", target) where !seed.isEmpty {
      // All bits of short seeds, a sample of the bits of long ones.
      let bits =
        seed.count <= 64
        ? Array(0..<seed.count * 8)
        : (0..<192).map { _ in
          Int.random(in: 0..<seed.count * 8, using: &random)
        }
      for bit in bits {
        var damaged = seed
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
        Self.check(target, damaged)
      }
    }
  }

  @Test("random bytes hold", arguments: WireTarget.allCases)
  func noise(_ target: WireTarget) {
    var random = SeededGenerator(seed: 2)
    for _ in 0..<500 {
      let bytes = random.bytes(Int.random(in: 0...200, using: &random))
      Self.check(target, bytes)
    }
  }

  @Test("what once crashed the fuzzer holds", arguments: WireTarget.allCases)
  func crashes(_ target: WireTarget) {
    for input in Self.inputs("crashes", target) {
      Self.check(target, input)
    }
  }

  @Test("a broken round trip is noticed")
  func mismatches() {
    #expect(mismatch("number", 1, 1) == nil)
    #expect(mismatch("number", 1, 2) != nil)
    #expect(mismatch("number", 1, nil) != nil)
  }
}
