import Basics
import Engine
import Reactor
import Wire

/// One check of the network: looks names up, opens the sockets, and runs the engine's check on the loop.
final class NetcheckRun {
  /// What came out.
  struct Outcome {
    var report: NetworkReport
    var relays: [NetcheckRelay]
    var portMapping: PortMappingFindings
  }

  /// Names may take this long; relays whose name has no address by then count as not answering.
  private static let lookupLimit = Interval.milliseconds(1_000)

  private let loop: EventLoop
  private let survey: (any PortMappingSurvey)?
  private var relays: [NetcheckRelay]
  private var lookups: [NameLookup] = []
  private var openLookups = 0
  private var check: NetworkCheck?
  private var sockets: [(id: SocketID, socket: UDPSocket)] = []
  private var attempts: [TCPAttempt] = []
  private var timer: LoopTimer!
  private var random = SecureRandom()
  private var findings: PortMappingFindings?
  private var failure: CommandFailure?

  init(_ loop: EventLoop, _ relays: [NetcheckRelay], survey: (any PortMappingSurvey)?) {
    self.loop = loop
    self.relays = relays
    self.survey = survey
    timer = loop.makeTimer { [weak self] in self?.timeout() }
  }

  /// Runs the check; takes about a second, five at most.
  func run() throws(CommandFailure) -> Outcome {
    survey?.start(loop) { [weak self] findings in
      self?.findings = findings
      self?.settle()
    }
    if survey == nil { findings = PortMappingFindings() }
    lookUp()
    loop.run()
    timer.disarm()
    for (_, socket) in sockets { socket.close() }
    attempts = []
    if let failure { throw failure }
    return Outcome(
      report: check?.report ?? NetworkReport(), relays: relays,
      portMapping: findings ?? PortMappingFindings())
  }

  private func lookUp() {
    for index in relays.indices where relays[index].addresses.isEmpty {
      let lookup = NameLookup(loop, relays[index].host) { [weak self] addresses in
        guard let self, check == nil else { return }
        relays[index].addresses = addresses
        openLookups -= 1
        if openLookups == 0 { begin() }
      }
      guard let lookup else { continue }
      lookups.append(lookup)
      openLookups += 1
    }
    if openLookups == 0 {
      loop.defer { [weak self] in self?.begin() }
    } else {
      timer.arm(after: Self.lookupLimit)
    }
  }

  private func timeout() {
    if check == nil { begin() } else { turn() }
  }

  private func begin() {
    guard check == nil, failure == nil else { return }
    let destinations = relays.flatMap { relay in
      relay.stunEndpoints.map { SocketAddress($0.address, port: $0.port) } + relay.tcpAddresses
    }
    var sources: [IPAddress] = []
    for destination in destinations {
      if let source = RouteSource.address(towards: destination), !sources.contains(source) {
        sources.append(source)
      }
    }
    guard !sources.isEmpty else {
      let reason = destinations.isEmpty ? "no relay's name has an address" : "there is no route to any relay"
      failure = CommandFailure("no network: \(reason)", status: ExitStatus.relay)
      return loop.stop()
    }
    if sources.contains(where: \.isIPv4) {
      for id in [SocketID.ipv4, NetworkCheck.filterSocket, NetworkCheck.hairpinSocket] {
        open(id, SocketAddress(IPAddress(ipv4: 0), port: 0))
      }
    }
    if sources.contains(where: { !$0.isIPv4 }) {
      open(.ipv6, SocketAddress(IPAddress(ipv6: .zero), port: 0))
    }
    check = NetworkCheck(
      relays: relays.map { NetworkCheck.Relay(stun: $0.stunEndpoints) }, localAddresses: sources,
      ports: sockets.map { ($0.id, $0.socket.address.port) },
      allowsLoopback: destinations.contains(where: \.isLoopback), at: loop.now)
    turn()
  }

  private func open(_ id: SocketID, _ address: SocketAddress) {
    let socket = try? UDPSocket(loop, address) { [weak self] _, datagram, peer in
      guard let self else { return }
      check?.handle(
        UnsafeRawBufferPointer(datagram), socket: id, from: peer.endpoint, at: loop.now)
      turn()
    }
    if let socket { sockets.append((id, socket)) }
  }

  /// Does what the check wants now.
  private func turn() {
    while let action = check?.poll(at: loop.now, random: &random) {
      switch action {
      case .send(let request, let path):
        let target = SocketAddress(path.remote.address, port: path.remote.port)
        let socket = sockets.first { $0.id == path.socket }?.socket
        request.withUnsafeBytes { _ = socket?.send($0, to: target) }
      case .connect(let relay): connect(relay)
      }
    }
    settle()
  }

  private func connect(_ relay: Int) {
    for address in relays[relay].tcpAddresses {
      let attempt = TCPAttempt(loop, address) { [weak self] in
        guard let self else { return }
        check?.connected(relay: relay, at: loop.now)
        turn()
      }
      if let attempt { attempts.append(attempt) }
    }
  }

  /// Waits on, or ends when all is known.
  private func settle() {
    guard let check else { return }
    if let deadline = check.nextDeadline {
      timer.arm(at: deadline)
    } else if findings != nil {
      loop.stop()
    }
  }
}
