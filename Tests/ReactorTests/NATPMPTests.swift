import Basics
import Glibc
import Testing
import Wire

@testable import Reactor

/// libnatpmp towards a server on loopback. Its port cannot be chosen, so each test has an address of its own.
@Suite("NAT-PMP") struct NATPMPTests {
  private typealias Outcome = Result<NATPMPExchange.Answer, PortMappingFailure>

  /// What comes of `request` to a server that sends `answers` to each datagram; nil for no server at all.
  private func outcome(
    _ request: NATPMPExchange.Request, at host: String, _ answers: [[UInt8]]?
  ) throws -> Outcome? {
    let test = try TestLoop()
    let gateway = try #require(IPAddress(host))
    let server = try answers.map { answers in
      try UDPSocket(test.loop, SocketAddress(gateway, port: PCP.serverPort)) { socket, _, peer in
        for answer in answers { answer.withUnsafeBytes { _ = socket.send($0, to: peer) } }
      }
    }
    var outcome: Outcome?
    let exchange = NATPMPExchange(test.loop, gateway: gateway, request) {
      outcome = $0
      test.loop.stop()
    }
    #expect(outcome == nil)
    #expect(test.run())
    withExtendedLifetime((exchange, server)) {}
    return outcome
  }

  private let address: [UInt8] = [0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7]

  @Test func datagramsCutShortAreDropped() throws {
    let answers = [[], [0], [0, 128], Array(address.prefix(8)), Array(address.prefix(11)), address]
    #expect(
      try outcome(.externalAddress, at: "127.83.51.1", answers)
        == .success(.externalAddress(IPAddress(ipv4: 0xCB00_7107), epoch: 9)))
  }

  @Test func aMappingHasThePortThatWasAskedFor() throws {
    let request = NATPMPExchange.Request.map(internalPort: 0x0102, externalPort: 0, lifetime: 7_200)
    let good: [UInt8] = [0, 129, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4, 0, 0, 28, 32]
    #expect(
      try outcome(request, at: "127.83.51.2", [good])
        == .success(.mapped(externalPort: 0x0304, lifetime: 7_200, epoch: 9)))
    var foreign = good
    foreign[9] = 9
    for answer in [foreign, address + [0, 0, 0, 0]] {
      #expect(
        try outcome(request, at: "127.83.51.2", [answer]) == .failure(.refused("an answer to something else"))
      )
    }
  }

  @Test func refusalsAreToldApart() throws {
    for (answer, failure) in [
      ([0, 128, 0, 2, 0, 0, 0, 9], PortMappingFailure.refused("not authorized")),
      ([0, 128, 0, 3, 0, 0, 0, 9], .refused("network failure")),
      ([0, 128, 0, 4, 0, 0, 0, 9], .refused("out of resources")),
      ([2, 128, 0, 1, 0, 0, 0, 9], .unsupported),
    ] as [([UInt8], PortMappingFailure)] {
      #expect(try outcome(.externalAddress, at: "127.83.51.3", [answer]) == .failure(failure))
    }
  }

  @Test func nobodyListensThere() throws {
    #expect(try outcome(.externalAddress, at: "127.83.51.4", nil) == .failure(.unsupported))
  }
}
