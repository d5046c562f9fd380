import Basics
import Crypto
import Testing

private func seal(
  _ key: FrameKey, lane: UInt8 = 0, number: UInt64 = 0, header: [UInt8] = [], _ text: [UInt8]
) throws -> [UInt8] {
  var out = [UInt8](repeating: 0, count: text.count + FrameKey.tagLength)
  try text.withUnsafeBytes { plaintext in
    try header.withUnsafeBytes { header in
      try out.withUnsafeMutableBytes {
        try key.seal(lane: lane, packetNumber: number, associatedData: header, plaintext: plaintext, into: $0)
      }
    }
  }
  return out
}

private func open(
  _ key: FrameKey, lane: UInt8 = 0, number: UInt64 = 0, header: [UInt8] = [], _ sealed: [UInt8]
) throws -> [UInt8] {
  var buffer = sealed
  let length = try header.withUnsafeBytes { header in
    try buffer.withUnsafeMutableBytes {
      try key.open(lane: lane, packetNumber: number, associatedData: header, inPlace: $0)
    }
  }
  return Array(buffer.prefix(length))
}

@Suite struct AESGCMTests {
  static let zeroKey = SecretBytes([UInt8](repeating: 0, count: 32))

  @Test("the GCM specification's test cases 13 and 14")
  func specification() throws {
    #expect(
      try Hex.encode(seal(FrameKey(key: Self.zeroKey), [])) == "530f8afbc74536b9a963b4f1c4cb738b")
    #expect(
      try Hex.encode(seal(FrameKey(key: Self.zeroKey), [UInt8](repeating: 0, count: 16)))
        == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")
  }

  @Test("the nonce is 000000 || lane || packet number (checked with OpenSSL 3.0)")
  func nonce() throws {
    let key = try FrameKey(
      key: SecretBytes(bytes("0d11b906b713ea97a4ff210f12c4d59c01628429833e598c6559776cb835309d")))
    let text = Array("The quick brown fox jumps over the lazy dog".utf8)
    let header: [UInt8] = [0xb1, 2, 3, 4, 5]
    let sealed = try seal(key, lane: 7, number: 0x0102_0304_0506_0708, header: header, text)
    #expect(
      Hex.encode(sealed) == """
        4eaeb45ade28fb197650eb6a509e9b9eae868fd152323853195b61c38f5b43795b032dfdf0417ac4327ef90b3dbc257f6487\
        88b0eba4ca1ca725c3
        """)
    #expect(try open(key, lane: 7, number: 0x0102_0304_0506_0708, header: header, sealed) == text)
  }

  @Test("sealing in place gives the same bytes", arguments: [0, 1, 15, 16, 17, 1_358, 65_000])
  func inPlace(length: Int) throws {
    let text = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let apart = try seal(FrameKey(key: Self.zeroKey), text)
    let key = try FrameKey(key: Self.zeroKey)
    var buffer = text + [UInt8](repeating: 0, count: FrameKey.tagLength)
    try buffer.withUnsafeMutableBytes {
      let plaintext = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0)[..<length])
      try key.seal(
        lane: 0, packetNumber: 0, associatedData: UnsafeRawBufferPointer(start: nil, count: 0),
        plaintext: plaintext, into: $0)
    }
    #expect(buffer == apart)
    #expect(try open(key, buffer) == text)
  }

  @Test("a change of ciphertext, tag, header, lane or number is noticed")
  func tampering() throws {
    let key = try FrameKey(key: Self.zeroKey)
    let sealed = try seal(key, lane: 1, number: 5, header: [9], [1, 2, 3])
    for index in sealed.indices {
      var changed = sealed
      changed[index] ^= 0x10
      #expect(throws: CryptoError.notAuthentic) { try open(key, lane: 1, number: 5, header: [9], changed) }
    }
    #expect(throws: CryptoError.notAuthentic) { try open(key, lane: 1, number: 5, header: [8], sealed) }
    #expect(throws: CryptoError.notAuthentic) { try open(key, lane: 2, number: 5, header: [9], sealed) }
    #expect(throws: CryptoError.notAuthentic) { try open(key, lane: 1, number: 6, header: [9], sealed) }
    #expect(throws: CryptoError.invalidLength) {
      try open(key, lane: 1, number: 5, header: [9], Array(sealed.prefix(15)))
    }
    #expect(try open(key, lane: 1, number: 5, header: [9], sealed) == [1, 2, 3])
  }

  @Test("packet numbers of a lane only grow; lanes count apart")
  func numbers() throws {
    let key = try FrameKey(key: Self.zeroKey)
    _ = try seal(key, lane: 0, number: 3, [1])
    #expect(throws: CryptoError.nonceReused) { try seal(key, lane: 0, number: 3, [1]) }
    #expect(throws: CryptoError.nonceReused) { try seal(key, lane: 0, number: 2, [1]) }
    _ = try seal(key, lane: 0, number: 4, [1])
    _ = try seal(key, lane: 255, number: 3, [1])
    _ = try seal(key, lane: 1, number: .max - 1, [1])
    #expect(throws: CryptoError.nonceReused) { try seal(key, lane: 1, number: .max, [1]) }
  }

  @Test("a key or an output of another length is refused")
  func lengths() throws {
    #expect(throws: CryptoError.invalidLength) {
      try FrameKey(key: SecretBytes([UInt8](repeating: 0, count: 16)))
    }
    let key = try FrameKey(key: Self.zeroKey)
    var out = [UInt8](repeating: 0, count: 3)
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    #expect(throws: CryptoError.invalidLength) {
      try out.withUnsafeMutableBytes {
        try key.seal(lane: 0, packetNumber: 0, associatedData: nothing, plaintext: nothing, into: $0)
      }
    }
  }
}

@Suite struct SessionKeyScheduleTests {
  static let schedule = SessionKeySchedule(
    bearerSecret: Bytes32(Array(64..<96))!, ephemeralShared: SecretBytes(Array(0..<32)),
    staticShared: SecretBytes(Array(32..<64)), transcript: Bytes32(Array(96..<128))!)

  @Test("secrets of each direction and purpose (checked with an independent HKDF)")
  func secrets() {
    let expected = [
      "a977292b4deab36021db0b95ae90c0fd68a50ab0c332806f63ec255d66874426",
      "623b5a72beea97c2442c9a451063266f83ce6c26d86e36d132602214ba3b8d12",
      "e65cf8db88a78dc24deb6b1011107ae8804a860fddf10a81a3cd2257fb672729",
      "131d997233e84db479de037d8f4eecfc9c2050021b293d7aef1ff4521ee0dfad",
    ]
    var index = 0
    for direction in SessionKeySchedule.Direction.allCases {
      for purpose in SessionKeySchedule.Purpose.allCases {
        #expect(hex(Self.schedule.secret(direction: direction, purpose: purpose)) == expected[index])
        index += 1
      }
    }
  }

  @Test("secrets of lane 1, and the key of discovery (checked with an independent HKDF)")
  func otherSecrets() {
    let expected = [
      "a453880712513e4c08e5053bd754bf40364f8d79bef3c5c5ff008da1085d5fca",
      "803bbe82d85a0b708c2054f92c47fd6061ae50d878ecef2ef26c13bc02357346",
      "b25cb06a76d767750c9599b3f855d1ca85cd6852b549e5685e58e919f8f6d47c",
      "7243cac9fc561625be7ba0e10a6a5d50057948bda09c150269d8fa541e4f11db",
    ]
    var secrets: [String] = []
    for direction in SessionKeySchedule.Direction.allCases {
      for purpose in SessionKeySchedule.Purpose.allCases {
        secrets.append(hex(Self.schedule.secret(direction: direction, purpose: purpose, lane: 1)))
      }
    }
    #expect(secrets == expected)
    let discovery = "33bad4ff5c9d16bc67c3b3a734ab032d4c2b9757e6fcb3b49245d7475cc4505a"
    #expect(hex(Self.schedule.discoveryKey()) == discovery)
  }

  @Test("the next epoch and the cipher of an epoch")
  func epochs() throws {
    let secret = Self.schedule.secret(direction: .claimantToAcceptor, purpose: .data)
    let next = SessionKeySchedule.next(secret)
    #expect(hex(next) == "c0af96155e8316d7da2283f50aa4fa6b7adf9f05ac483e0cabc556ad07393169")
    let derived = try SessionKeySchedule.key(secret, suite: .usual)
    let direct = try FrameKey(
      key: SecretBytes(bytes("0d11b906b713ea97a4ff210f12c4d59c01628429833e598c6559776cb835309d")))
    let sealed = try seal(derived, [1, 2, 3])
    #expect(try open(direct, sealed) == [1, 2, 3])
    #expect(throws: CryptoError.notAuthentic) {
      try open(SessionKeySchedule.key(next, suite: .usual), sealed)
    }
  }

  @Test("every input matters")
  func inputs() {
    let base = hex(Self.schedule.secret(direction: .acceptorToClaimant, purpose: .data))
    let variants = [
      SessionKeySchedule(
        bearerSecret: .zero, ephemeralShared: SecretBytes(Array(0..<32)),
        staticShared: SecretBytes(Array(32..<64)), transcript: Bytes32(Array(96..<128))!),
      SessionKeySchedule(
        bearerSecret: Bytes32(Array(64..<96))!, ephemeralShared: SecretBytes(Array(1..<33)),
        staticShared: SecretBytes(Array(32..<64)), transcript: Bytes32(Array(96..<128))!),
      SessionKeySchedule(
        bearerSecret: Bytes32(Array(64..<96))!, ephemeralShared: SecretBytes(Array(0..<32)),
        staticShared: SecretBytes(Array(33..<65)), transcript: Bytes32(Array(96..<128))!),
      SessionKeySchedule(
        bearerSecret: Bytes32(Array(64..<96))!, ephemeralShared: SecretBytes(Array(0..<32)),
        staticShared: SecretBytes(Array(32..<64)), transcript: .zero),
    ]
    for variant in variants {
      #expect(hex(variant.secret(direction: .acceptorToClaimant, purpose: .data)) != base)
    }
  }
}

@Suite struct CipherSuiteTests {
  private static let key = SecretBytes(Array(1...32))
  private static let text = (0..<1_500).map { UInt8(truncatingIfNeeded: $0 &* 11) }

  @Test("both libraries compute the same AES-256-GCM, in place, too")
  func libraries() throws {
    guard let other = CipherSuite(.aes256GCM, .sodium) else { return }
    let gnutls = try FrameKey(key: Self.key)
    let sodium = try FrameKey(key: Self.key, suite: other)
    let sealed = try seal(gnutls, lane: 1, number: 9, header: [1, 2, 3], Self.text)
    #expect(try seal(sodium, lane: 1, number: 9, header: [1, 2, 3], Self.text) == sealed)
    #expect(try open(sodium, lane: 1, number: 9, header: [1, 2, 3], sealed) == Self.text)
    #expect(throws: CryptoError.notAuthentic) {
      try open(sodium, lane: 1, number: 8, header: [1, 2, 3], sealed)
    }
    #expect(throws: CryptoError.nonceReused) { try seal(sodium, lane: 1, number: 9, Self.text) }
  }

  @Test("every suite seals, opens, and refuses what was changed", arguments: CipherSuite.available)
  func suites(suite: CipherSuite) throws {
    let key = try FrameKey(key: Self.key, suite: suite)
    for (number, length) in [0, 1, 16, 1_358].enumerated() {
      let text = Array(Self.text.prefix(length))
      var sealed = try seal(key, number: UInt64(number), header: [7], text)
      #expect(try open(key, number: UInt64(number), header: [7], sealed) == text)
      #expect(throws: CryptoError.notAuthentic) { try open(key, number: UInt64(number), header: [8], sealed) }
      sealed[length / 2] ^= 1
      #expect(throws: CryptoError.notAuthentic) { try open(key, number: UInt64(number), header: [7], sealed) }
    }
  }

  @Test("ChaCha20-Poly1305 is RFC 8439's: the key stream of the first block for a zero key and nonce")
  func chaCha() throws {
    let key = try FrameKey(key: SecretBytes([UInt8](repeating: 0, count: 32)), suite: .portable)
    // RFC 8439, appendix A.1, test vector 2: block counter 1.
    let stream = "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
    #expect(try Hex.encode(Array(seal(key, [UInt8](repeating: 0, count: 32)).prefix(32))) == stream)
  }
}
