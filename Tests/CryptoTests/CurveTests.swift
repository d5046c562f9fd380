import Basics
import Crypto
import Testing

func bytes(_ hex: String) -> [UInt8] { Hex.decode(hex)! }
func key(_ hex: String) -> Bytes32 { Bytes32(bytes(hex))! }
func hex(_ secret: SecretBytes) -> String { secret.withUnsafeBytes { Hex.encode($0) } }

@Suite struct CurveTests {
  @Test("RFC 7748, section 5.2, first vector")
  func scalarMultiplication() throws {
    let scalar = X25519PrivateKey(
      clamping: bytes("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"))!
    let shared = try scalar.sharedSecret(
      with: key("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))
    #expect(hex(shared) == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
  }

  @Test("RFC 7748, section 6.1: public keys and the secret that both sides get")
  func keyAgreement() throws {
    let alice = X25519PrivateKey(
      clamping: bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))!
    let bob = X25519PrivateKey(
      clamping: bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))!
    #expect(alice.publicKey.hex == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    #expect(bob.publicKey.hex == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    let expected = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    #expect(try hex(alice.sharedSecret(with: bob.publicKey)) == expected)
    #expect(try hex(bob.sharedSecret(with: alice.publicKey)) == expected)
  }

  @Test("points of small order lead to an all-zero secret and are refused")
  func weakPoints() {
    var generator = SeededGenerator(seed: 1)
    let own = X25519PrivateKey(random: &generator)
    var one = Bytes32.zero.array
    one[0] = 1
    for point in [Bytes32.zero, Bytes32(one)!] {
      #expect(throws: CryptoError.weakPublicKey) { try own.sharedSecret(with: point) }
      #expect(throws: CryptoError.weakPublicKey) {
        try NaClBox.seal([1], nonce: [UInt8](repeating: 0, count: 24), to: point, from: own)
      }
    }
  }

  @Test("a key of another length is refused")
  func length() {
    #expect(X25519PrivateKey(clamping: [UInt8](repeating: 1, count: 31)) == nil)
    #expect(X25519PrivateKey(clamping: [UInt8](repeating: 1, count: 33)) == nil)
  }

  @Test("random keys are clamped and come from the generator alone")
  func random() {
    var first = SeededGenerator(seed: 7)
    var second = SeededGenerator(seed: 7)
    let key = X25519PrivateKey(random: &first)
    #expect(key.publicKey == X25519PrivateKey(random: &second).publicKey)
    #expect(key.publicKey != X25519PrivateKey(random: &second).publicKey)
    key.withUnsafeBytes {
      #expect($0[0] & 7 == 0)
      #expect($0[31] & 0xc0 == 0x40)
    }
  }
}

@Suite struct BoxTests {
  static let server = X25519PrivateKey(
    clamping: bytes("1012131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f70"))!
  static let client = X25519PrivateKey(
    clamping: bytes("7072737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f50"))!
  static let clientInfo = """
    0102030405060708090a0b0c0d0e0f101112131415161718b564938138265170a766408515e54307b4d01029dfbcb8929ae279a55155\
    4858e20002abcb92a8143ca241bb334d2202
    """
  static let serverInfo = """
    8182838485868788898a8b8c8d8e8f909192939495969798b1a93784fc3c16b102d6590fc40003d77690abe12bf0f8ca17f5ac7ce3
    """

  @Test("keys of a DERP handshake")
  func keys() throws {
    #expect(
      Self.server.publicKey.hex == "4d27bcee3135c4944b28d27dd809b07be10c35160d20131caa7e85575498d07c")
    #expect(
      Self.client.publicKey.hex == "d214723afdfe2cddbdc929b18a5e43017e44445fc5d6c8fcf88b1868c53f395c")
    #expect(
      try hex(Self.client.sharedSecret(with: Self.server.publicKey))
        == "4c969d01929a8b440943ef0cd9cce74e9a330c8bee6b1e8eaa3ee9f45a294616")
  }

  @Test("boxes of a DERP handshake, sealed")
  func seal() throws {
    let info = try NaClBox.seal(
      Array(#"{"version":2,"CanAckPings":true}"#.utf8), nonce: Array(1...24), to: Self.server.publicKey,
      from: Self.client)
    #expect(Hex.encode(info) == Self.clientInfo)
    let answer = try NaClBox.seal(
      Array(#"{"version":2}"#.utf8), nonce: Array(0x81...0x98), to: Self.client.publicKey, from: Self.server)
    #expect(Hex.encode(answer) == Self.serverInfo)
  }

  @Test("boxes of a DERP handshake, opened")
  func open() throws {
    let info = try NaClBox.open(bytes(Self.clientInfo), from: Self.client.publicKey, to: Self.server)
    #expect(String(decoding: info, as: UTF8.self) == #"{"version":2,"CanAckPings":true}"#)
    let answer = try NaClBox.open(bytes(Self.serverInfo), from: Self.server.publicKey, to: Self.client)
    #expect(String(decoding: answer, as: UTF8.self) == #"{"version":2}"#)
  }

  @Test("every changed byte is noticed, as are a short box and a nonce of another length")
  func tampering() throws {
    let sealed = bytes(Self.clientInfo)
    for index in sealed.indices {
      var changed = sealed
      changed[index] ^= 1
      #expect(throws: CryptoError.notAuthentic) {
        try NaClBox.open(changed, from: Self.client.publicKey, to: Self.server)
      }
    }
    #expect(throws: CryptoError.invalidLength) {
      try NaClBox.open(Array(sealed.prefix(39)), from: Self.client.publicKey, to: Self.server)
    }
    #expect(throws: CryptoError.invalidLength) {
      try NaClBox.seal([], nonce: [], to: Self.server.publicKey, from: Self.client)
    }
  }

  @Test("an empty message is a box of its own")
  func empty() throws {
    let sealed = try NaClBox.seal(
      [], nonce: Array(1...24), to: Self.server.publicKey, from: Self.client)
    #expect(sealed.count == NaClBox.overhead)
    #expect(try NaClBox.open(sealed, from: Self.client.publicKey, to: Self.server) == [])
  }
}
