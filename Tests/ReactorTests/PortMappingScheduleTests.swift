import Basics
import Testing
import Wire

@testable import Reactor

@Suite("When and by what a port is mapped") struct PortMappingScheduleTests {
  private let start = Instant.zero + .seconds(1_000)

  @Test func requestsAreRepeatedForLessThanFourSeconds() {
    let waits = (0..<10).compactMap { MappingRetransmission.wait(afterAttempt: $0)?.inMilliseconds }
    #expect(waits == [250, 500, 1_000, 2_000])
    #expect(waits.reduce(0, +) == MappingRetransmission.limit.inMilliseconds)
  }

  @Test func pausesDoubleUpToALimit() {
    var backOff = MappingBackOff(first: .seconds(30), longest: .seconds(600))
    #expect((0..<7).map { _ in backOff.pause().inSeconds } == [30, 60, 120, 240, 480, 600, 600])
    backOff.reset()
    #expect(backOff.pause() == .seconds(30))
  }

  @Test func aLeaseIsRenewedAtHalfOfWhatIsLeft() {
    let lease = MappingLease(lifetime: .seconds(7_200), at: start)
    #expect(lease.renewal(at: start) == start + .seconds(3_600))
    #expect(lease.renewal(at: start + .seconds(3_600)) == start + .seconds(5_400))
    #expect(lease.renewal(at: start + .seconds(7_190)) == start + .seconds(7_195))
    #expect(lease.renewal(at: start + .seconds(7_191)) == nil)
  }

  @Test(arguments: [(0, 30), (1, 30), (7_200, 3_600), (4_294_967_295, 43_200)] as [(Int64, Int64)])
  func absurdLifetimesAreBounded(_ seconds: Int64, _ renewal: Int64) {
    let lease = MappingLease(lifetime: .seconds(seconds), at: start)
    #expect(lease.renewal(at: start) == start + .seconds(renewal))
  }

  /// The router's clock and ours, in seconds since the first answer, which had epoch 100.
  @Test(
    arguments: [
      (110, 10, true), (100, 0, true), (99, 0, true), (98, 0, false), (0, 10, false), (102, 0, true),
      (103, 0, false), (110, 12, true), (109, 12, false), (100, 10, false), (1_000, 900, true),
      (1_000, 2_000, false), (UInt32.max, 10, false),
    ] as [(UInt32, Int64, Bool)])
  func aRouterThatRestartedIsNoticed(_ epoch: UInt32, _ elapsed: Int64, _ isContinuous: Bool) {
    var watch = EpochWatch()
    let first = watch.isContinuous(100, at: start)
    #expect(first)
    let second = watch.isContinuous(epoch, at: start + .seconds(elapsed))
    #expect(second == isContinuous)
    // What was seen last counts from then on.
    let third = watch.isContinuous(epoch, at: start + .seconds(elapsed))
    #expect(third)
  }

  @Test func theBestProtocolThatIsThereMaps() {
    var choice = MappingChoice([.upnp, .pcp, .natPMP])
    #expect(choice.next == .wait)
    choice.note(.natPMP, .present)
    #expect(choice.next == .wait)
    choice.note(.pcp, .present)
    #expect(choice.next == .map(.pcp))
    choice.note(.pcp, .mapping)
    #expect(choice.next == .wait)
    #expect(choice.mapping == .pcp)
    choice.note(.pcp, .failed)
    #expect(choice.next == .map(.natPMP))
    choice.note(.natPMP, .failed)
    #expect(choice.next == .wait)
    choice.note(.upnp, .failed)
    #expect(choice.next == .giveUp)
  }

  @Test func aWorseProtocolMapsWhenBetterOnesAreSilent() {
    var choice = MappingChoice(PortMappingProtocol.allCases)
    choice.note(.upnp, .present)
    #expect(choice.next == .wait)
    choice.isGraceOver = true
    #expect(choice.next == .map(.upnp))
    choice.note(.upnp, .mapping)
    // Never two at a time: they might share one entry of the router.
    choice.note(.pcp, .present)
    #expect(choice.next == .wait)
    choice.note(.upnp, .failed)
    #expect(choice.next == .map(.pcp))
  }

  @Test func theGatewayIsThatOfTheBestDefaultRoute() {
    let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    let wifi = "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
    let wire = "eth0\t00000000\t0102000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
    let link = "eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    let tunnel = "tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n"
    let reject = "lo\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n"
    func gateway(_ lines: String...) -> String? {
      DefaultRoute.gateway(inTable: head + lines.joined())?.description
    }
    #expect(gateway(link, wifi, wire) == "10.0.2.1")
    #expect(gateway(wire, wifi) == "10.0.2.1")
    #expect(gateway(link, wifi) == "192.168.1.1")
    #expect(gateway(reject, wifi) == "192.168.1.1")
    #expect(gateway(link) == nil)
    #expect(gateway(wifi, tunnel) == nil)
    #expect(gateway("wlan0\t00000000\t0101A8C0\n", "\n", "x y z 1 2 3 4 5 6\n") == nil)
    #expect(DefaultRoute.gateway(inTable: "") == nil)
  }

  @Test func descriptionsElsewhereAreNotFetched() {
    for url in ["http://192.168.1.1:5000/rootDesc.xml", "http://192.168.1.1/"] {
      #expect(UPnPGateway.isURL(url, on: "192.168.1.1"))
    }
    for url in [
      "http://192.168.1.12/", "http://192.168.1.1", "https://192.168.1.1/", "http://192.168.1.1@evil/", "",
      "http://192.168.1.1.evil/", "http://10.0.0.1/192.168.1.1/",
    ] {
      #expect(!UPnPGateway.isURL(url, on: "192.168.1.1"))
    }
  }

  @Test func shortNATPMPAnswersAreIncomplete() {
    func isComplete(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { NATPMPExchange.isComplete($0) } }
    let address: [UInt8] = [0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7]
    let mapping: [UInt8] = [0, 129, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4, 0, 0, 28, 32]
    for count in 0..<address.count { #expect(!isComplete(Array(address.prefix(count)))) }
    for count in 0..<mapping.count { #expect(!isComplete(Array(mapping.prefix(count)))) }
    #expect(isComplete(address) && isComplete(mapping))
    // Refused, and another version.
    #expect(isComplete([0, 129, 0, 2, 0, 0, 0, 9]))
    #expect(isComplete([2, 128, 0, 1, 0, 0, 0, 9]))
  }
}
