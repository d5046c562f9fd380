import Crypto
import Testing

@testable import Engine

@Suite("Which cipher a session uses")
struct CipherChoiceTests {
  @Test("ChaCha20-Poly1305 as soon as one side is faster with it, else AES-256-GCM")
  func choice() {
    let usual = CipherChoice()
    let slow = CipherChoice(prefersChaCha: true)
    for (claimant, acceptor) in [(usual, usual), (usual, slow), (slow, usual), (slow, slow)] {
      let decision = acceptor.decided(on: claimant.features)
      let suites = [claimant.suite(of: decision), acceptor.suite(of: decision)]
      let wanted = claimant.prefersChaCha || acceptor.prefersChaCha
      #expect(suites.allSatisfy { $0.cipher == (wanted ? .chaCha20Poly1305 : .aes256GCM) })
    }
  }

  @Test("Names that nobody knows change nothing")
  func unknown() {
    #expect(CipherChoice().decided(on: ["rot13"]) == [])
    #expect(CipherChoice().suite(of: ["rot13"]).cipher == .aes256GCM)
  }
}
