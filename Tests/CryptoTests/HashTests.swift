import Basics
import Crypto
import Testing

@Suite struct HashTests {
  @Test("SHA-256 of FIPS 180-4's examples, in parts and whole")
  func digest() {
    #expect(
      SHA256.digest([]).hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    #expect(SHA256.digest([Array("abc".utf8)]).hex == abc)
    #expect(SHA256.digest([Array("a".utf8), [], Array("bc".utf8)]).hex == abc)
  }

  @Test(
    "RFC 4231",
    arguments: [
      (
        [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
      ),
      (
        Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
      ),
      (
        [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
      ),
      (
        [UInt8](repeating: 0xaa, count: 131),
        Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
      ),
    ])
  func hmac(key: [UInt8], message: [UInt8], expected: String) {
    #expect(Hex.encode(HMACSHA256.authenticate(key: key, parts: [message])) == expected)
    #expect(
      Hex.encode(
        HMACSHA256.authenticate(
          key: SecretBytes(key), parts: [Array(message.prefix(3)), Array(message.dropFirst(3))]))
        == expected)
  }

  @Test("RFC 5869, cases 1 to 3")
  func hkdf() {
    let first = HKDFSHA256.extract(
      salt: Array(0...12), keyMaterial: [SecretBytes([UInt8](repeating: 0x0b, count: 22))])
    #expect(hex(first) == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    #expect(
      hex(HKDFSHA256.expand(first, info: Array(0xf0...0xf9), count: 42))
        == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")

    // Case 2, with the key material in three parts.
    let second = HKDFSHA256.extract(
      salt: Array(0x60...0xaf),
      keyMaterial: [SecretBytes(Array(0...9)), SecretBytes(Array(10...63)), SecretBytes(Array(64...79))])
    #expect(hex(second) == "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244")
    #expect(
      hex(HKDFSHA256.expand(second, info: Array(0xb0...0xff), count: 82))
        == """
        b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da32\
        75600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87
        """)

    let third = HKDFSHA256.extract(
      salt: [], keyMaterial: [SecretBytes([UInt8](repeating: 0x0b, count: 22))])
    #expect(hex(third) == "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04")
    #expect(
      hex(HKDFSHA256.expand(third, info: [], count: 42))
        == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")
    #expect(HKDFSHA256.expand(third, info: [], count: 0).count == 0)
  }

  @Test("comparison sees every difference")
  func comparison() {
    let text = Array("the same".utf8)
    #expect(constantTimeEqual(text, text))
    #expect(constantTimeEqual([], []))
    #expect(!constantTimeEqual(text, Array(text.dropLast())))
    for index in text.indices {
      var changed = text
      changed[index] ^= 0x80
      #expect(!constantTimeEqual(text, changed))
      #expect(!SecretBytes.constantTimeEqual(SecretBytes(text), SecretBytes(changed)))
    }
    #expect(SecretBytes.constantTimeEqual(SecretBytes(text), SecretBytes(text)))
  }

  @Test("wiping leaves nothing behind")
  func wiping() {
    var secret: [UInt8] = [1, 2, 3]
    wipe(&secret)
    #expect(secret.isEmpty)
    var generator = SeededGenerator(seed: 3)
    let random = SecretBytes(random: 37, using: &generator)
    #expect(random.count == 37)
    var same = SeededGenerator(seed: 3)
    #expect(hex(random) == Hex.encode(same.bytes(37)))
  }
}

@Suite struct ControlEnvelopeKeyTests {
  static let secret = Bytes32(Array(0x80...0x9f))!
  static let session = Bytes16(Array(0...15))!

  @Test("the derived key")
  func derivation() {
    let key = ControlEnvelopeKey(bearerSecret: Self.secret, sessionID: Self.session)
    key.withUnsafeBytes {
      #expect(
        Hex.encode($0) == "2b85fb6fc486fe1506812f09756d447655e4bafdf7b490c2e8cad36b553c5764")
    }
  }

  @Test("the code of an envelope, and what does not pass for it")
  func envelope() {
    let key = ControlEnvelopeKey(bearerSecret: Self.secret, sessionID: Self.session)
    let canonical = Array(
      #"{"type":"control","control":{"type":"candidates","candidates":["192.168.1.20:50123","203.0.113.9:50123"]}}"#
        .utf8)
    let mac = "gcAp7c2LZ2S-3ewRXsuuZbdHl1oJX-0K9ON4ETVzeC4"
    #expect(key.mac(of: canonical) == mac)
    #expect(key.verify(mac, of: canonical))
    #expect(!key.verify(mac + "=", of: canonical))
    #expect(!key.verify("", of: canonical))
    #expect(!key.verify("h" + mac.dropFirst(), of: canonical))
    #expect(!key.verify(mac, of: canonical + [0x20]))
  }

  @Test("the bearer code of a claim")
  func bearer() {
    let input = """
      {"version":5,"session_id":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15],"derp_public":[96,90,114,93,42,74,223,238,\
      177,162,158,23,237,214,33,193,183,89,62,232,205,188,68,172,108,74,182,226,248,5,210,60],"quic_public":[221,\
      227,188,206,199,243,166,106,17,21,244,93,114,15,77,193,53,195,174,124,78,34,220,163,143,219,30,253,106,73,95,\
      248],"candidates":["192.168.1.20:50123","203.0.113.9:50123","[2001:db8::5]:50123"],"capabilities":2}
      """
    #expect(
      bearerMAC(secret: Self.secret, input: Array(input.utf8))
        == "80f32e45c2426ea7367c9b3eeec992158f42b007cee659fc47c51166295e136b")
  }
}
