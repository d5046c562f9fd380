import Basics
import Glibc
import Synchronization
import Testing
import Wire

@testable import Reactor

/// A mapper towards a PCP server that does what each test says.
@Suite struct PortMapperTests {
  private static let external = "203.0.113.7:4000"
  private static let loopback = DefaultRoute(
    gateway: IPAddress(ipv4: 0x7F00_0001), local: IPAddress(ipv4: 0x7F00_0001))

  private func options(_ server: StubPCPServer) -> PortMapper.Options {
    var options = PortMapper.Options()
    options.protocols = [.pcp]
    options.serverPort = server.port
    options.route = { Self.loopback }
    return options
  }

  /// What a mapper told, and when to stop the loop.
  private final class Witness {
    var reports: [PortMappingReport] = []
    var endpoints: [String?] = []
    let loop: EventLoop
    var isEnough: (Witness) -> Bool = { _ in false }

    init(_ loop: EventLoop) { self.loop = loop }

    func mapper(_ options: PortMapper.Options) -> PortMapper {
      PortMapper(loop, internalPort: 5_000, options: options) { [self] report in
        reports.append(report)
        if isEnough(self) { loop.stop() }
      } changed: { [self] endpoint, _ in
        endpoints.append(endpoint?.description)
        if isEnough(self) { loop.stop() }
      }
    }

    /// Runs a mapper until it is enough.
    func run(_ options: PortMapper.Options, _ test: TestLoop) {
      let mapper = mapper(options)
      mapper.start()
      #expect(test.run())
      withExtendedLifetime(mapper) {}
    }
  }

  @Test func aMappingIsMadeAndGivenBack() throws {
    let test = try TestLoop()
    let server = try StubPCPServer(test.loop) { [StubPCPServer.grant($0, Self.external)] }
    let witness = Witness(test.loop)
    witness.isEnough = { !$0.endpoints.isEmpty }
    let mapper = witness.mapper(options(server))
    mapper.start()
    #expect(test.run())
    #expect(witness.endpoints == [Self.external])
    #expect(mapper.mapping?.external.description == Self.external)
    #expect(mapper.mapping?.kind == .pcp)
    #expect(server.maps.map(\.lifetime) == [7_200])
    #expect(server.maps.first?.mapping.internalPort == 5_000)
    #expect(server.maps.first?.mapping.transport == PCPMapping.udp)
    var completions = 0
    mapper.stop {
      completions += 1
      test.loop.stop()
    }
    #expect(completions == 0)
    #expect(test.run())
    #expect(completions == 1)
    #expect(server.maps.map(\.lifetime) == [7_200, 0])
    #expect(server.maps.first?.mapping.nonce == server.maps.last?.mapping.nonce)
    #expect(witness.reports.last == .released(.pcp, confirmed: true))
    #expect(witness.endpoints == [Self.external])
    #expect(mapper.mapping == nil)
  }

  @Test func whatIsLostIsSentAgain() throws {
    let test = try TestLoop()
    var count = 0
    let server = try StubPCPServer(test.loop) { request in
      count += 1
      return count % 2 == 0 ? [StubPCPServer.grant(request, Self.external)] : []
    }
    let witness = Witness(test.loop)
    witness.isEnough = { !$0.endpoints.isEmpty }
    witness.run(options(server), test)
    #expect(witness.endpoints == [Self.external])
    #expect(server.requests.count == 4)
    #expect(server.maps.count == 2)
    #expect(Set(server.maps.map(\.mapping)).count == 1)
  }

  @Test func answersOfOthersAndToOthersAreDropped() throws {
    let test = try TestLoop()
    // Knows the request, but is not the router: another address, another port.
    let impostor = try UDPSocket(test.loop, try SocketAddress(parsing: "127.0.0.2:0")) { _, _, _ in }
    let server = try StubPCPServer(test.loop) { _ in [] }
    server.answer = { [unowned server] request in
      let lie = StubPCPServer.grant(request, "198.51.100.66:666")
      if let client = server.client { lie.withUnsafeBytes { _ = impostor.send($0, to: client) } }
      guard case .map(var mapping) = request.operation else { return [StubPCPServer.grant(request, "")] }
      mapping.nonce = PCPNonce([UInt8](repeating: 0, count: 12))!
      let foreign = PCPResponse(.map(mapping), result: .success, lifetime: 7_200, epoch: 1).serialized()
      let good = StubPCPServer.grant(request, Self.external)
      return [[], [2], foreign, Array(good.prefix(56)), good]
    }
    let witness = Witness(test.loop)
    witness.isEnough = { !$0.endpoints.isEmpty }
    witness.run(options(server), test)
    #expect(witness.endpoints == [Self.external])
  }

  @Test func aRouterThatRestartedIsAskedAgain() throws {
    let test = try TestLoop()
    let server = try StubPCPServer(test.loop) { _ in [] }
    var announces = 0
    server.answer = { request in
      if case .announce = request.operation { announces += 1 }
      // The second ANNOUNCE is the first check of a mapping that exists.
      return [
        StubPCPServer.grant(
          request, announces < 2 ? Self.external : "203.0.113.8:4001", epoch: announces < 2 ? 100 : 0)
      ]
    }
    let witness = Witness(test.loop)
    witness.isEnough = { $0.endpoints.count == 2 }
    var options = options(server)
    options.checkInterval = .milliseconds(1)
    witness.run(options, test)
    #expect(witness.endpoints == [Self.external, "203.0.113.8:4001"])
    #expect(witness.reports.contains(.restarted(.pcp)))
    #expect(Set(server.maps.map(\.mapping.nonce)).count == 1)
  }

  @Test(arguments: ["10.0.0.9:4000", "100.64.3.4:4000", "192.168.0.2:4000"])
  func privateExternalAddressesAreTold(_ external: String) throws {
    let test = try TestLoop()
    let server = try StubPCPServer(test.loop) { [StubPCPServer.grant($0, external)] }
    let witness = Witness(test.loop)
    witness.isEnough = { !$0.endpoints.isEmpty }
    witness.run(options(server), test)
    #expect(witness.endpoints == [external])
  }

  @Test(arguments: [
    "0.0.0.0:4000", "127.0.0.1:4000", "224.0.0.1:4000", "255.255.255.255:4000", "203.0.113.7:0",
  ])
  func endpointsOfNoUseAreNot(_ external: String) throws {
    let test = try TestLoop()
    let server = try StubPCPServer(test.loop) { [StubPCPServer.grant($0, external)] }
    let witness = Witness(test.loop)
    witness.isEnough = { $0.reports.last == .retrying(after: .seconds(30)) }
    witness.run(options(server), test)
    #expect(witness.endpoints.isEmpty)
    #expect(witness.reports.contains(.failed(.pcp, .unusableAddress)))
  }

  @Test func refusalsAndOldServersAreReported() throws {
    let test = try TestLoop()
    let server = try StubPCPServer(test.loop) { _ in [] }
    server.answer = { request in
      let result = PCPResultCode.notAuthorized
      if case .announce = request.operation { return [StubPCPServer.grant(request, "")] }
      return [PCPResponse(request.operation, result: result, lifetime: 30, epoch: 1).serialized()]
    }
    let witness = Witness(test.loop)
    witness.isEnough = { if case .retrying = $0.reports.last { true } else { false } }
    var options = options(server)
    options.firstRetry = .milliseconds(1)
    options.longestRetry = .milliseconds(1)
    let mapper = witness.mapper(options)
    mapper.start()
    #expect(test.run())
    #expect(witness.reports.contains(.failed(.pcp, .refused("not authorized"))))
    // The same server, replaced by one of NAT-PMP only.
    server.answer = { _ in [[0, 128, 0, 1, 0, 0, 0, 9]] }
    #expect(test.run())
    #expect(witness.reports.contains(.failed(.pcp, .unsupported)))
    #expect(witness.endpoints.isEmpty)
    withExtendedLifetime(mapper) {}
  }

  @Test func stoppingDoesNotWaitForASilentRouter() throws {
    let test = try TestLoop()
    let server = try StubPCPServer(test.loop) { [StubPCPServer.grant($0, Self.external)] }
    let witness = Witness(test.loop)
    witness.isEnough = { !$0.endpoints.isEmpty }
    var options = options(server)
    options.releaseLimit = .milliseconds(1)
    var mapper: PortMapper? = witness.mapper(options)
    mapper?.start()
    #expect(test.run())
    server.answer = { _ in [] }
    var isStopped = false
    mapper?.stop {
      isStopped = true
      test.loop.stop()
    }
    // It lives until it has stopped, and not longer.
    weak let rest = mapper
    mapper = nil
    #expect(rest != nil)
    #expect(test.run())
    #expect(isStopped)
    #expect(witness.reports.last == .released(.pcp, confirmed: false))
    test.loop.defer { test.loop.stop() }
    #expect(test.run())
    #expect(rest == nil)
  }

  @Test func stoppingWhileSearchingEndsTheSearch() throws {
    let test = try TestLoop()
    let server = try StubPCPServer(test.loop) { _ in [] }
    // Silent to the first MAP: the mapping is being asked for when the mapper stops.
    server.answer = { request in
      if case .map = request.operation, server.maps.count == 1 {
        test.loop.stop()
        return []
      }
      return [StubPCPServer.grant(request, Self.external)]
    }
    let witness = Witness(test.loop)
    let mapper = witness.mapper(options(server))
    mapper.start()
    #expect(test.run())
    mapper.stop { test.loop.stop() }
    #expect(test.run())
    #expect(server.maps.map(\.lifetime) == [7_200, 0])
    #expect(witness.endpoints.isEmpty)
  }

  @Test func anotherNetworkIsAnotherRouter() throws {
    let test = try TestLoop()
    let server = try StubPCPServer(test.loop) { [StubPCPServer.grant($0, Self.external)] }
    let route = RouteBox()
    let witness = Witness(test.loop)
    witness.isEnough = { !$0.endpoints.isEmpty }
    var options = options(server)
    options.route = { route.value.withLock { $0 } }
    let mapper = witness.mapper(options)
    // Nothing there yet: an attempt that fails at once, and a long pause.
    mapper.start()
    #expect(witness.reports == [.noGateway, .retrying(after: .seconds(30))])
    route.value.withLock { $0 = Self.loopback }
    mapper.networkChanged()
    #expect(test.run())
    #expect(witness.endpoints == [Self.external])
    // The same route: a question, no change.
    witness.isEnough = { _ in true }
    mapper.networkChanged()
    #expect(witness.endpoints == [Self.external])
    route.value.withLock { $0 = nil }
    mapper.networkChanged()
    #expect(witness.endpoints == [Self.external, nil])
    #expect(mapper.mapping == nil)
    mapper.stop { test.loop.stop() }
    #expect(test.run())
  }

  private final class RouteBox: Sendable {
    let value = Mutex<DefaultRoute?>(nil)
  }
}
