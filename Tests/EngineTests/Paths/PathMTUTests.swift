import Basics
import Testing

@testable import Engine

@Suite struct PathMTUTests {
  private let roundTrip = Interval.milliseconds(20)

  /// Runs a search against a path that carries datagrams of up to `limit` bytes.
  private func search(_ mtu: inout PathMTU, limit: Int, from start: Instant) -> (packets: Int, end: Instant) {
    var now = start
    var packets = 0
    while mtu.deadline < start + .seconds(60) {
      now = max(now, mtu.deadline)
      guard let size = mtu.dueSize(at: now, roundTrip: roundTrip) else { continue }
      packets += 1
      mtu.sent(token: UInt64(packets))
      if size <= limit { _ = mtu.answered(UInt64(packets), at: now + roundTrip) }
    }
    return (packets, now)
  }

  @Test func findsEthernetInAFewPackets() {
    var mtu = PathMTU(isIPv6: false, at: PathFixture.start)
    let result = search(&mtu, limit: 1_472, from: PathFixture.start)
    #expect(mtu.size == 1_472)
    #expect(result.packets <= 4 + PathMTU.tries)
  }

  @Test func staysAtTheBaseOnANarrowPath() {
    var mtu = PathMTU(isIPv6: true, at: PathFixture.start)
    _ = search(&mtu, limit: 1_232, from: PathFixture.start)
    #expect(mtu.size == PathMTU.base)
  }

  @Test func fallsBackWhenThePathShrinks() {
    var mtu = PathMTU(isIPv6: false, at: PathFixture.start)
    let end = search(&mtu, limit: 9_000, from: PathFixture.start).end
    #expect(mtu.size == 8_972)
    mtu.refused(length: 8_972, at: end)
    #expect(mtu.size == PathMTU.base)
    mtu.searchAgain(at: end)
    _ = search(&mtu, limit: 1_392, from: end)
    #expect(mtu.size == 1_392)
  }

  @Test func aForeignEchoMeansNothing() {
    var mtu = PathMTU(isIPv6: false, at: PathFixture.start)
    _ = mtu.dueSize(at: PathFixture.start, roundTrip: roundTrip)
    mtu.sent(token: 1)
    let isTaken = mtu.answered(2, at: PathFixture.start)
    #expect(!isTaken)
    #expect(mtu.size == PathMTU.base)
  }
}
