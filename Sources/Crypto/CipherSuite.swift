import CSodium

/// What seals the frames of a session. Both sides use the same one.
public enum FrameCipher: String, Sendable, CaseIterable {
  /// AES-256-GCM (NIST SP 800-38D): the fastest where the processor has instructions for it.
  case aes256GCM = "aes-256-gcm"
  /// ChaCha20-Poly1305 (RFC 8439): the fastest where it has none.
  case chaCha20Poly1305 = "chacha20-poly1305"
}

/// A cipher and the library that computes it, which is each side's own choice.
public struct CipherSuite: Hashable, Sendable {
  /// Where the implementation comes from.
  public enum Library: String, Sendable, CaseIterable {
    case gnutls
    case sodium
  }

  public let cipher: FrameCipher
  public let library: Library

  /// Nil when the library has no such cipher on this processor, or only a slow one besides a better one.
  public init?(_ cipher: FrameCipher, _ library: Library) {
    switch (cipher, library) {
    case (.aes256GCM, .gnutls), (.chaCha20Poly1305, .sodium): break
    case (.aes256GCM, .sodium):
      Sodium.prepare()
      guard crypto_aead_aes256gcm_is_available() == 1 else { return nil }
    case (.chaCha20Poly1305, .gnutls): return nil
    }
    self.cipher = cipher
    self.library = library
  }

  private init(cipher: FrameCipher, library: Library) {
    self.cipher = cipher
    self.library = library
  }

  /// AES-256-GCM as GnuTLS computes it: available everywhere.
  public static let usual = CipherSuite(cipher: .aes256GCM, library: .gnutls)
  /// ChaCha20-Poly1305 as libsodium computes it: available everywhere.
  public static let portable = CipherSuite(cipher: .chaCha20Poly1305, library: .sodium)

  /// Every suite of this machine.
  public static var available: [CipherSuite] {
    FrameCipher.allCases.flatMap { cipher in Library.allCases.compactMap { CipherSuite(cipher, $0) } }
  }
}
