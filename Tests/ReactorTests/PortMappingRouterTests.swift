import Basics
import Glibc
import Testing
import Wire

@testable import Reactor

/// All three protocols against miniupnpd, with datagrams through the mapping.
@Suite(
  .enabled(
    if: PortMappingLab.isAvailable,
    "needs root, network namespaces, nftables and miniupnpd: scripts/deps.sh lab"))
struct PortMappingRouterTests {
  /// What a run at home saw; the expectations are the test thread's business.
  private struct Seen: Sendable {
    var external: String?
    var kind: PortMappingProtocol?
    var payload: [UInt8] = []
    var source: String?
    var rulesWhileMapped = ""
    var reports: [PortMappingReport] = []
    /// The error of a datagram sent from outside after the mapping was given back.
    var refusal: Int32 = 0
    var isComplete = false
  }

  @Test(arguments: PortMappingProtocol.allCases)
  func aDatagramFromOutsideComesThroughTheMapping(_ kind: PortMappingProtocol) throws {
    let seen = try run([kind])
    #expect(seen.kind == kind)
  }

  @Test func pcpIsPreferredWhenAllAreThere() throws {
    #expect(try run(PortMappingProtocol.allCases).kind == .pcp)
  }

  @Test func theProbeTellsWhatIsThere() throws {
    let lab = try PortMappingLab()
    defer { lab.close() }
    let outcome = try lab.atHome { _ -> PortMappingProbe.Outcome? in
      let test = try TestLoop()
      var outcome: PortMappingProbe.Outcome?
      let probe = PortMappingProbe(test.loop) {
        outcome = $0
        test.loop.stop()
      }
      _ = test.run()
      withExtendedLifetime(probe) {}
      return outcome
    }
    let external = IPAddress(PortMappingLab.external)
    #expect(outcome?.route?.gateway.description == PortMappingLab.gateway)
    #expect(outcome?.route?.local.description == PortMappingLab.inside)
    #expect(outcome?.answers.map(\.kind) == PortMappingProtocol.allCases)
    #expect(outcome?.answers.map(\.outcome) == [.success(nil), .success(external), .success(external)])
    #expect(outcome?.external == external)
    #expect(try !lab.mappings().contains("dnat"))
  }

  /// The router has the mapping and the loop has not heard of it: it is removed all the same.
  @Test func stoppingBeforeTheMappingIsKnownRemovesIt() throws {
    let lab = try PortMappingLab()
    defer { lab.close() }
    nonisolated(unsafe) let router = lab
    let (wasMapped, wasConfirmed, calls) = try lab.atHome { _ -> (Bool, Bool, Int) in
      let test = try TestLoop()
      let target = MappingTarget(
        gateway: IPAddress(PortMappingLab.gateway)!, local: IPAddress(PortMappingLab.inside)!,
        internalPort: 5_000, wantedPort: 5_000, lifetime: .seconds(7_200))
      let client = UPnPClient(test.loop, target)
      var calls = 0
      client.map { _ in calls += 1 }
      // The loop rests while the thread works. Asking takes a while: the count is only a bound.
      var wasMapped = false
      for _ in 0..<1_000 where !wasMapped { wasMapped = try router.mappings().contains("dnat") }
      var wasConfirmed = false
      client.release {
        wasConfirmed = $0
        test.loop.stop()
      }
      _ = test.run()
      client.close()
      return (wasMapped, wasConfirmed, calls)
    }
    #expect(wasMapped)
    #expect(wasConfirmed)
    #expect(calls == 0)
    #expect(try !lab.mappings().contains("dnat"))
  }

  /// Maps a port by one of `protocols`, sends through it, gives it back, sends again.
  private func run(_ protocols: [PortMappingProtocol]) throws -> Seen {
    let lab = try PortMappingLab()
    defer { lab.close() }
    // The router's rules are read between the steps, by the thread at home.
    nonisolated(unsafe) let router = lab
    let seen = try lab.atHome { streetSocket in try Self.steps(protocols, router, streetSocket) }
    #expect(seen.isComplete)
    let external = try #require(seen.external.flatMap { IPEndpoint($0) })
    #expect(external.address.description == PortMappingLab.external)
    #expect(seen.payload == [1, 2, 3])
    // The sender's own address: the way in is no detour over another host.
    #expect(seen.source == PortMappingLab.outside)
    #expect(seen.rulesWhileMapped.contains("dnat ip to \(PortMappingLab.inside)"))
    #expect(try !lab.mappings().contains("dnat"))
    #expect(seen.refusal == ECONNREFUSED)
    #expect(seen.reports.last == seen.kind.map { .released($0, confirmed: true) })
    let mapping = seen.kind.map { PortMapping(kind: $0, external: external, lifetime: .seconds(7_200)) }
    #expect(seen.reports.contains { report in mapping.map { report == .mapped($0) } ?? false })
    #expect(seen.reports.contains { report in mapping.map { report == .renewed($0) } ?? false })
    return seen
  }

  private static func steps(
    _ protocols: [PortMappingProtocol], _ lab: PortMappingLab, _ streetSocket: () -> Int32
  ) throws -> Seen {
    var seen = Seen()
    let test = try TestLoop()
    let socket = try UDPSocket(test.loop, SocketAddress(literal: PortMappingLab.inside, port: 0)!) {
      _, bytes, peer in
      seen.payload = Array(bytes)
      seen.source = peer.host
      test.loop.stop()
    }
    var options = PortMapper.Options()
    options.protocols = protocols
    let mapper = PortMapper(test.loop, internalPort: socket.address.port, options: options) {
      seen.reports.append($0)
      switch $0 {
      case .retrying, .renewed, .lost: test.loop.stop()
      default: break
      }
    } changed: { endpoint, kind in
      seen.external = endpoint?.description
      seen.kind = kind
      test.loop.stop()
    }
    mapper.start()
    guard test.run(), let external = seen.external.flatMap({ try? SocketAddress(parsing: $0) }) else {
      return seen
    }
    mapper.renew()
    guard test.run() else { return seen }
    seen.rulesWhileMapped = try lab.mappings()
    let first = streetSocket()
    defer { close(first) }
    send([1, 2, 3], from: first, to: external)
    guard test.run() else { return seen }
    mapper.stop { test.loop.stop() }
    guard test.run() else { return seen }
    // From another port: the router remembers the first one's flow. Its refusal comes as an error.
    let second = streetSocket()
    defer { close(second) }
    send([4], from: second, to: external)
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(second, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var byte: UInt8 = 0
    seen.refusal = recv(second, &byte, 1, 0) < 0 ? errno : 0
    seen.isComplete = true
    return seen
  }

  private static func send(_ bytes: [UInt8], from descriptor: Int32, to address: SocketAddress) {
    _ = address.withSystemAddress { connect(descriptor, $0, $1) }
    _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, 0) }
  }
}
