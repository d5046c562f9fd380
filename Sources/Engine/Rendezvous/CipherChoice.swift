import Crypto

/// Which cipher a session uses: AES-256-GCM, unless one of the two machines is faster with ChaCha20-Poly1305. Each side
/// computes it with the library that is faster there.
public struct CipherChoice: Hashable, Sendable {
  /// The name of the wish for ChaCha20-Poly1305 in a claim's and a decision's features.
  static let chaChaFeature = FrameCipher.chaCha20Poly1305.rawValue

  /// How this machine computes AES-256-GCM.
  public var aes: CipherSuite
  /// Whether ChaCha20-Poly1305 is faster here than that.
  public var prefersChaCha: Bool

  public init(aes: CipherSuite = .usual, prefersChaCha: Bool = false) {
    self.aes = aes
    self.prefersChaCha = prefersChaCha
  }

  /// What a claim says.
  var features: [String] { prefersChaCha ? [Self.chaChaFeature] : [] }

  /// What the decision on a claim with these features says.
  func decided(on features: [String]) -> [String] {
    prefersChaCha || features.contains(Self.chaChaFeature) ? [Self.chaChaFeature] : []
  }

  /// What a decision with these features makes both sides use.
  func suite(of features: [String]) -> CipherSuite {
    features.contains(Self.chaChaFeature) ? .portable : aes
  }
}
