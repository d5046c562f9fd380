import Basics
import Crypto
import Testing

@testable import Engine
@testable import Wire

/// Packets made by upstream's program.
@Suite struct DiscoPacketTests {
  private struct Sample {
    var key: String
    var nonce: String
    var probe: String
    var answer: String
  }

  private static let samples = [
    Sample(
      key: "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
      nonce: "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
      probe: "0064657270686f6c652d646973636f3101a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
        + "d0d5dba8fa723ce5471589b210c7e110348cb619d359a8c16917c1bd0bfce4de",
      answer: "0064657270686f6c652d646973636f3102a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
        + "d9fb6bfead41b0bf2bbaad2b2c599d1ef85e11f721654bb885962b2bd0db4306"),
    Sample(
      key: "5a5b5c5d5e5f606162636465666768696a6b6c6d6e6f70717273747576777879",
      nonce: "a7a8a9aaabacadaeafb0b1b2b3b4b5b6",
      probe: "0064657270686f6c652d646973636f3101a7a8a9aaabacadaeafb0b1b2b3b4b5b6"
        + "5d6d6bdd39e57f9ed3488f252f3028665333e431cf0dbfd0b149cef1154dd093",
      answer: "0064657270686f6c652d646973636f3102a7a8a9aaabacadaeafb0b1b2b3b4b5b6"
        + "ef24b9711d032bedf5daf04d8c14669489c5ad6c6cf49cae27beb249e098af20"),
  ]

  private func key(_ hex: String) throws -> DiscoveryKey {
    let bytes = try #require(Hex.decode(hex))
    return DiscoveryKey(SecretBytes(count: 32) { $0.copyBytes(from: bytes) })
  }

  @Test func probesAndAnswersAreUpstreamsByteForByte() throws {
    for sample in Self.samples {
      let key = try key(sample.key)
      let bytes = try #require(Hex.decode(sample.nonce))
      let nonce = try #require(Bytes16(bytes))
      for (kind, expected) in [(DiscoPacket.Kind.probe, sample.probe), (.answer, sample.answer)] {
        let covered = DiscoPacket(kind: kind, nonce: nonce).authenticatedBytes
        let packet = covered + key.mac(covered)
        #expect(Hex.encode(packet) == expected)
        #expect(packet.withUnsafeBytes { DiscoPacket($0) } == DiscoPacket(kind: kind, nonce: nonce))
        #expect(packet.withUnsafeBytes { key.isAuthentic($0) })
      }
    }
  }

  @Test func everyFlippedBitIsNoticed() throws {
    let key = try key(Self.samples[0].key)
    let good = try #require(Hex.decode(Self.samples[0].probe))
    for index in good.indices {
      var bad = good
      bad[index] ^= 1
      let isTaken = bad.withUnsafeBytes { DiscoPacket($0) != nil && key.isAuthentic($0) }
      #expect(!isTaken, "byte \(index)")
    }
  }

  @Test func otherLengthsAreNoDiscoveryPackets() throws {
    let good = try #require(Hex.decode(Self.samples[0].probe))
    for packet in [Array(good.dropLast()), good + [0], [], [0]] {
      let isDisco = packet.withUnsafeBytes { DiscoPacket.isDisco($0) }
      #expect(!isDisco)
    }
    var unknownKind = good
    unknownKind[16] = 3
    #expect(unknownKind.withUnsafeBytes { DiscoPacket.isDisco($0) && DiscoPacket($0) == nil })
  }
}
