/// Endless bytes that both ends of a transfer can make, so that what arrives is compared without being kept.
struct Payload {
  private let seed: UInt64

  init(seed: UInt64) { self.seed = seed }

  /// The byte at an offset: the mixing function of SplitMix64 over the number of its word.
  subscript(offset: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: word(offset / 8) >> UInt64(offset % 8 * 8))
  }

  /// The bytes of a range.
  func bytes(_ range: Range<Int>) -> [UInt8] { range.map { self[$0] } }

  /// Whether `bytes` are those that begin at `offset`.
  func matches(_ bytes: ArraySlice<UInt8>, at offset: Int) -> Bool {
    zip(bytes, offset...).allSatisfy { self[$1] == $0 }
  }

  private func word(_ number: Int) -> UInt64 {
    var mixed = seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
