/// HKDF with SHA-256 (RFC 5869).
public enum HKDFSHA256 {
  /// The most bytes that one `expand` can give (RFC 5869, section 2.3).
  public static let maximumOutput = 255 * HMACSHA256.length

  /// The pseudo-random key of 32 bytes drawn from the key material, whose parts count one after the other.
  /// An empty salt means 32 zero bytes, as the RFC has it.
  public static func extract(salt: [UInt8], keyMaterial: [SecretBytes]) -> SecretBytes {
    SecretBytes(count: HMACSHA256.length) { out in
      var state = salt.withUnsafeBytes { HMACState(key: $0) }
      for part in keyMaterial { part.withUnsafeBytes { state.update($0) } }
      state.finish(into: out)
    }
  }

  /// `count` bytes (at most `maximumOutput`) for the purpose that `info` names.
  public static func expand(_ key: SecretBytes, info: [UInt8], count: Int) -> SecretBytes {
    precondition(count >= 0 && count <= maximumOutput, "RFC 5869, section 2.3: L <= 255 * HashLen")
    return SecretBytes(count: count) { out in
      withUnsafeTemporaryAllocation(byteCount: HMACSHA256.length, alignment: 8) { block in
        var written = 0
        var counter: UInt8 = 0
        while written < count {
          counter += 1
          var state = key.withUnsafeBytes { HMACState(key: $0) }
          if counter > 1 { state.update(UnsafeRawBufferPointer(block)) }
          info.withUnsafeBytes { state.update($0) }
          withUnsafeBytes(of: counter) { state.update($0) }
          state.finish(into: block)
          let step = Swift.min(HMACSHA256.length, count - written)
          UnsafeMutableRawBufferPointer(rebasing: out[written..<written + step])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: block[..<step]))
          written += step
        }
        wipe(block)
      }
    }
  }
}
