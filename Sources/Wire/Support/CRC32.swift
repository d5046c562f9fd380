/// The CRC-32 of IEEE 802.3 (reflected polynomial 0xEDB88320), as tokens and STUN fingerprints use it.
enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
  }

  /// The checksum of `bytes`.
  static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(UInt32.max) { value, byte in
      value >> 8 ^ table[Int(truncatingIfNeeded: value ^ UInt32(byte)) & 0xFF]
    }
  }
}
