import Glibc

/// Endless bytes that both ends of a transfer can make, so that what arrives is compared without being kept: a block
/// of random words, over and over. Its length is a prime number, so that no other period hides a mistake.
struct Payload {
  private static let period = 1_048_573

  private let block: [UInt8]

  init(seed: UInt64) {
    let words = (0...UInt64(Self.period / 8)).map { number in
      // The mixing function of SplitMix64 over the number of the word.
      var mixed = seed &+ number &* 0x9E37_79B9_7F4A_7C15
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
    block = words.withUnsafeBytes { Array($0.prefix(Self.period)) }
  }

  /// Calls `body` with the bytes at an offset: as many as are wanted, or up to the end of the block.
  func withBytes<R>(at offset: Int, atMost count: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    let start = offset % Self.period
    let end = min(start + count, Self.period)
    return block.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
  }

  /// Whether `bytes` are those that begin at `offset`.
  func matches(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    var done = 0
    while done < bytes.count {
      let (count, isEqual) = withBytes(at: offset + done, atMost: bytes.count - done) { expected in
        (expected.count, memcmp(expected.baseAddress!, bytes.baseAddress! + done, expected.count) == 0)
      }
      guard isEqual else { return false }
      done += count
    }
    return true
  }
}
