import Basics
import Machines
import Wire

/// Our candidates and the peer's.
extension DirectPaths {
  /// The most interface addresses that are told.
  private static let maximumInterfaceCandidates = 20

  /// What our NAT does with the IPv4 socket.
  var ownMapping: MappingBehaviour { gatherer.mappingBehaviour(of: .ipv4, localAddresses: addresses) }

  /// Where we may be reached as far as it is known: mapped addresses first, then the interfaces', the likeliest first.
  var ownCandidates: [Candidate] {
    var found: [IPEndpoint] = []
    if let portMapping { found.append(portMapping) }
    for (id, _) in localPorts { found += gatherer.mapped(of: id) }
    var own: [Candidate] = []
    for (id, port) in localPorts {
      for address in addresses where address.isIPv4 != id.isIPv6 {
        if let candidate = candidate(IPEndpoint(address: address, port: port)) { own.append(candidate) }
      }
    }
    own.sort { $0.rank < $1.rank }
    var result = found.compactMap { candidate($0) } + own.prefix(Self.maximumInterfaceCandidates)
    var unique: [Candidate] = []
    for candidate in result where !unique.contains(candidate) { unique.append(candidate) }
    result = Array(unique.prefix(Candidate.maximumCount))
    return result
  }

  private func candidate(_ endpoint: IPEndpoint) -> Candidate? {
    Candidate(endpoint, allowingLoopback: allowsLoopback)
  }

  /// Tells the peer where we are now, when that is news.
  func offerCandidates(wantsProbes: Bool = false, at now: Instant) {
    guard isOpen, prober != nil else { return }
    let update = CandidateUpdate(
      sequence: 0, mapping: ownMapping.told, wantsProbes: wantsProbes,
      candidates: ownCandidates.map(\.endpoint), guessedPorts: gatherer.predictedPorts(of: .ipv4))
    exchange.offer(update, at: now)
  }

  /// The servers that tell our address.
  func stunServers(_ servers: [IPEndpoint], at now: Instant) { gatherer.setServers(servers, at: now) }

  /// What a router maps to our IPv4 socket.
  func portMapped(_ endpoint: IPEndpoint?, at now: Instant) {
    portMapping = endpoint
    offerCandidates(at: now)
  }

  /// Takes the peer's candidates: they replace what it told before. Bad ones are skipped.
  func receive(_ told: CandidateUpdate, at now: Instant, random: inout some RandomNumberGenerator) {
    guard exchange.receive(told), prober != nil else { return }
    var candidates: [Candidate] = []
    let own = ownCandidates
    for endpoint in told.candidates.prefix(Candidate.maximumCount) {
      guard let candidate = candidate(endpoint), !candidates.contains(candidate), !own.contains(candidate)
      else { continue }
      candidates.append(candidate)
    }
    peerCandidates = candidates
    peerMapping = MappingBehaviour(told: told.mapping)
    peerLikelyPorts = told.guessedPorts.reversed()
    hasPeerUpdate = true
    pairUp(at: now, random: &random)
    if told.wantsProbes { prober?.tellAll(.peerAsked, at: now, random: &random) }
    update(at: now, random: &random)
  }

  /// Makes a pair of each of the peer's candidates and the socket of its family; pairs that the peer no longer names
  /// are withdrawn, but for those in use and those learnt from packets.
  func pairUp(at now: Instant, random: inout some RandomNumberGenerator) {
    guard isOpen, let pairs = prober?.pairs else { return }
    let inUse = [promoter.path?.path, promoter.candidate?.path]
    for pair in pairs where pair.origin == .told && !inUse.contains(pair.path) {
      guard !peerCandidates.contains(where: { $0.endpoint == pair.path.remote }) else { continue }
      prober?.withdraw(pair.path, at: now, random: &random)
    }
    for candidate in peerCandidates {
      let socket: SocketID = candidate.endpoint.address.isIPv4 ? .ipv4 : .ipv6
      guard isOpen(socket) else { continue }
      prober?.add(
        DirectPath(socket: socket, remote: candidate.endpoint), .told, at: now, random: &random)
    }
    forwardNotices(at: now, random: &random)
  }

  /// An authentic and new packet of the peer came from an address that nobody told: behind a NAT that maps by
  /// destination that is the only way to learn it (PRB-1).
  func learn(_ path: DirectPath, at now: Instant, random: inout some RandomNumberGenerator) {
    guard isOpen, prober?.pair(path) == nil, candidate(path.remote) != nil else { return }
    prober?.add(path, .learnt, at: now, random: &random)
    forwardNotices(at: now, random: &random)
  }
}

extension MappingBehaviour {
  /// As a `CandidateUpdate` says it.
  var told: CandidateUpdate.Mapping {
    switch self {
    case .unknown: .unknown
    case .none, .endpointIndependent: .endpointIndependent
    case .dependent: .destinationDependent
    }
  }

  init(told: CandidateUpdate.Mapping) {
    switch told {
    case .unknown: self = .unknown
    case .endpointIndependent: self = .endpointIndependent
    case .destinationDependent: self = .dependent
    }
  }
}
