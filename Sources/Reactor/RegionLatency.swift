import Basics
import Wire

/// Finds the relay region that is nearest by time: STUN to the first node of every candidate region at once,
/// TCP connections when UDP seems to be blocked, and the lowest region number when nobody answers.
/// Dropping it cancels.
public final class RegionLatency {
  /// What came out.
  public struct Choice: Hashable, Sendable {
    /// The chosen region's number in the map.
    public var region: Int
    /// Its first node.
    public var node: DERPNode
    /// Its round trip; nil when nobody answered in time.
    public var latency: Interval?
  }

  private struct Candidate {
    var region: Int
    var node: DERPNode
    var stunTargets: [SocketAddress]
    var tcpTargets: [SocketAddress]
  }
  private struct Probe {
    var candidate: Int
    var sentAt: Instant
  }

  private let loop: EventLoop
  private let candidates: [Candidate]
  private let start: Instant
  private var sockets: [UDPSocket] = []
  private var probes: [STUNTransactionID: Probe] = [:]
  private var lastSend: Instant
  private var best: (candidate: Int, latency: Interval)?
  private var attempts: [TCPAttempt] = []
  private var timers: [LoopTimer] = []
  private var random = SecureRandom()
  private var completion: ((Choice) -> Void)?

  /// When requests leave, counted from the start: datagrams get lost.
  private static let rounds: [Interval] = [.zero, .milliseconds(100), .milliseconds(200)]
  /// When to try TCP if no STUN answer has come.
  private static let patience = Interval.milliseconds(250)

  /// Measures the regions of `map` whose numbers are in `among` (those that upstream's built-in map has too, so
  /// that either program can follow the token). Nil when the map has none of them with a node. The answer comes
  /// from the loop within `budget`.
  public init?(
    _ loop: EventLoop, _ map: DERPMap, among: [Int] = DERPMap.builtInRegionIDs,
    budget: Interval = .milliseconds(500), completion: @escaping (Choice) -> Void
  ) {
    self.loop = loop
    self.completion = completion
    let usable = map.entries.filter { among.contains($0.id) && !$0.region.nodes.isEmpty }
    let preferred = usable.filter { !$0.region.isAvoided && !$0.region.isNotMeasured }
    candidates = (preferred.isEmpty ? usable : preferred).map(Self.candidate)
    start = loop.now
    lastSend = start
    guard !candidates.isEmpty else { return nil }
    for address in [
      SocketAddress(ipv4: 0, port: 0), SocketAddress(ip: .zero, port: 0, isIPv4: false),
    ] {
      // A host without IPv6 has no such socket.
      let socket = try? UDPSocket(loop, address) { [weak self] _, bytes, _ in
        self?.received(UnsafeRawBufferPointer(bytes))
      }
      if let socket { sockets.append(socket) }
    }
    for delay in Self.rounds where delay < budget {
      schedule(delay) { [weak self] in self?.sendRound() }
    }
    if Self.patience < budget { schedule(Self.patience) { [weak self] in self?.tryTCP() } }
    schedule(budget) { [weak self] in self?.finish() }
  }

  /// Stops; the completion will not be called.
  public func cancel() {
    completion = nil
    timers = []
    for socket in sockets { socket.close() }
    sockets = []
    attempts = []
  }

  private static func candidate(_ entry: DERPMap.Entry) -> Candidate {
    let node = entry.region.nodes[0]
    let addresses = [node.ipv4Address, node.ipv6Address].compactMap { family in
      if case .literal(let address) = family { address } else { nil }
    }
    let test = IPAddress(node.stunTestIP).map { [$0] }
    let stunPort = node.effectiveSTUNPort
    let tcpPort = node.derpPort == 0 ? 443 : UInt16(exactly: node.derpPort)
    return Candidate(
      region: entry.id, node: node,
      stunTargets: stunPort.map { port in (test ?? addresses).map { SocketAddress($0, port: port) } } ?? [],
      tcpTargets: tcpPort.map { port in addresses.map { SocketAddress($0, port: port) } } ?? [])
  }

  private func schedule(_ delay: Interval, _ work: @escaping () -> Void) {
    let timer = loop.makeTimer(work)
    timer.arm(at: start + delay)
    timers.append(timer)
  }

  private func sendRound() {
    guard best == nil else { return }
    lastSend = loop.now
    for (index, candidate) in candidates.enumerated() {
      for target in candidate.stunTargets {
        let id = STUNTransactionID(random: &random)
        let request = STUNMessage.request(id)
        probes[id] = Probe(candidate: index, sentAt: loop.now)
        for socket in sockets where socket.address.isIPv4 == target.isIPv4 {
          request.withUnsafeBytes { _ = socket.send($0, to: target) }
        }
      }
    }
  }

  private func received(_ packet: UnsafeRawBufferPointer) {
    guard let id = try? STUNMessage.parseResponse(packet).id, let probe = probes.removeValue(forKey: id)
    else {
      return
    }
    note(probe.candidate, since: probe.sentAt)
  }

  private func tryTCP() {
    guard best == nil else { return }
    lastSend = loop.now
    for (index, candidate) in candidates.enumerated() {
      for target in candidate.tcpTargets {
        let sentAt = loop.now
        let attempt = TCPAttempt(loop, target) { [weak self] in self?.note(index, since: sentAt) }
        if let attempt { attempts.append(attempt) }
      }
    }
  }

  /// Counts an answer. Another region can still be nearer only by an answer to a request that left later.
  private func note(_ candidate: Int, since sentAt: Instant) {
    let latency = loop.now - sentAt
    if best == nil || latency < best!.latency { best = (candidate, latency) }
    guard let best else { return }
    let last = lastSend + best.latency
    if last <= loop.now {
      finish()
    } else {
      let timer = loop.makeTimer { [weak self] in self?.finish() }
      timer.arm(at: last)
      timers.append(timer)
    }
  }

  private func finish() {
    let completion = completion
    let chosen = candidates[best?.candidate ?? 0]
    let latency = best?.latency
    cancel()
    completion?(Choice(region: chosen.region, node: chosen.node, latency: latency))
  }
}
