import Basics
import Testing

@Suite struct FixedBytesTests {
  @Test func bytes32RoundTripsAndComparesAsAByteString() throws {
    let low = try #require(Bytes32([UInt8](repeating: 0x7f, count: 32)))
    let high = try #require(Bytes32([UInt8](repeating: 0x80, count: 32)))
    #expect(low.array == [UInt8](repeating: 0x7f, count: 32))
    #expect(low < high)
    #expect(Bytes32([1, 2, 3]) == nil)
  }

  @Test func bytes16RoundTrips() throws {
    let bytes = (0..<16).map { UInt8($0) }
    #expect(try #require(Bytes16(bytes)).array == bytes)
    #expect(Bytes16(bytes + [1]) == nil)
  }

  @Test func hexRoundTripsAndRefusesDamage() {
    #expect(Hex.decode(Hex.encode([0x00, 0xab, 0xff])) == [0x00, 0xab, 0xff])
    #expect(Hex.decode("abc") == nil)
    #expect(Hex.decode("zz") == nil)
  }
}

@Suite struct InstantTests {
  @Test func additionSaturates() {
    #expect(Instant(nanoseconds: .max) + .seconds(1) == Instant(nanoseconds: .max))
    #expect(Instant(nanoseconds: 5) + .microseconds(1) == Instant(nanoseconds: 1_005))
  }

  @Test func seededGeneratorRepeats() {
    var first = SeededGenerator(seed: 7)
    var second = SeededGenerator(seed: 7)
    #expect(first.bytes(100) == second.bytes(100))
  }
}
