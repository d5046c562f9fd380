import Basics
import Crypto
import DequeModule
import Machines
import Wire

/// Finds out which pairs of a socket and an address of the peer carry packets (`specs/probing.md`), and answers the
/// peer's probes.
///
/// The packets of both sides look alike and share a key, so a packet could be sent back to who made it. Therefore the
/// nonces of each role differ in their first bit: a reflected probe is nobody's and proves nothing.
struct Prober {
  /// What came out of it.
  enum Notice {
    /// A pair was proven, or proven anew.
    case proven(DirectPath)
    case transition(TransitionRecord)
  }

  /// A small datagram that is to be sent.
  struct Datagram {
    var bytes: [UInt8]
    var path: DirectPath
  }

  /// How a datagram was taken.
  enum Verdict {
    case notDisco
    case refused
    /// An authentic probe of the peer; true when its nonce was new.
    case probe(isNew: Bool)
    case answer
  }

  static let maximumTold = Candidate.maximumCount
  static let maximumLearnt = 8
  static let maximumAnswers = 64
  /// Guesses whose answers still count.
  static let maximumGuesses = 2 * ProbeBudget.guessesPerAddress

  private let key: DiscoveryKey
  private let isClaimant: Bool
  private(set) var pairs: [CandidatePair] = []
  private var seen = SeenNonces()
  private var waiting = Deque<DirectPath>()
  private var answers = Deque<Datagram>()
  private var guesses: [Bytes16: (path: DirectPath, sentAt: Instant)] = [:]
  private(set) var budget: ProbeBudget
  private var notices: [Prober.Notice] = []
  private(set) var deadline: Instant?
  private var budgetDeadline: Instant?

  /// Whether the session has a healthy direct path (PRB-11).
  var isDirect = false
  /// Whether payload flows.
  var isBusy = false
  private(set) var probesSent: UInt64 = 0
  private(set) var refused: UInt64 = 0

  init(key: DiscoveryKey, isClaimant: Bool, at now: Instant) {
    self.key = key
    self.isClaimant = isClaimant
    budget = ProbeBudget(at: now)
  }

  mutating func takeNotices() -> [Notice] {
    guard !notices.isEmpty else { return [] }
    defer { notices.removeAll() }
    return notices
  }

  func pair(_ path: DirectPath) -> CandidatePair? { pairs.first { $0.path == path } }

  /// The proven pair with the shortest round trip.
  func best(where isWanted: (DirectPath) -> Bool) -> CandidatePair? {
    pairs.filter { $0.isProven && isWanted($0.path) }
      .min { ($0.roundTrip ?? .seconds(1)) < ($1.roundTrip ?? .seconds(1)) }
  }

  // MARK: Candidates

  /// Takes a candidate; returns false when it is refused (PRB-1).
  @discardableResult
  mutating func add(
    _ path: DirectPath, _ origin: CandidatePair.Origin, at now: Instant,
    random: inout some RandomNumberGenerator
  ) -> Bool {
    guard pair(path) == nil else { return true }
    if origin == .learnt, count(.learnt) >= Self.maximumLearnt { dropOldLearnt(at: now, random: &random) }
    pairs.append(CandidatePair(path: path, origin: origin))
    let index = pairs.count - 1
    step(index, .candidateSeen, at: now, random: &random)
    let isTaken = !pairs[index].isRetired
    if !isTaken { pairs.remove(at: index) }
    recompute()
    return isTaken
  }

  /// The oldest learnt pair that does not answer makes room for a new one.
  private mutating func dropOldLearnt(at now: Instant, random: inout some RandomNumberGenerator) {
    guard
      let index = pairs.firstIndex(where: { $0.origin == .learnt && $0.machine.state == .suppressed })
    else { return }
    withdraw(pairs[index].path, at: now, random: &random)
  }

  private func count(_ origin: CandidatePair.Origin) -> Int {
    pairs.count { $0.origin == origin }
  }

  private func isAllowed(_ index: Int) -> Bool {
    let pair = pairs[index]
    let others = count(pair.origin) - 1
    guard pair.path.socket.isIPv6 != pair.path.remote.address.isIPv4 else { return false }
    return others < (pair.origin == .told ? Self.maximumTold : Self.maximumLearnt)
  }

  mutating func withdraw(_ path: DirectPath, at now: Instant, random: inout some RandomNumberGenerator) {
    guard let index = pairs.firstIndex(where: { $0.path == path }) else { return }
    step(index, .withdrawn, at: now, random: &random)
    pairs.remove(at: index)
    recompute()
  }

  /// Delivers an event to every pair, or to some.
  mutating func tellAll(
    _ event: ProbingMachine.Event, at now: Instant, random: inout some RandomNumberGenerator,
    where isMeant: (CandidatePair) -> Bool = { _ in true }
  ) {
    for index in pairs.indices where isMeant(pairs[index]) { step(index, event, at: now, random: &random) }
    recompute()
  }

  // MARK: Packets

  /// Takes a datagram that may be a discovery packet.
  mutating func receive(
    _ datagram: UnsafeRawBufferPointer, over path: DirectPath, at now: Instant,
    random: inout some RandomNumberGenerator
  ) -> Verdict {
    guard DiscoPacket.isDisco(datagram) else { return .notDisco }
    guard let packet = DiscoPacket(datagram), key.isAuthentic(datagram) else {
      refused += 1
      return .refused
    }
    switch packet.kind {
    case .probe:
      guard isOurs(packet.nonce) == false else {
        refused += 1
        return .refused
      }
      if answers.count < Self.maximumAnswers {
        answers.append(Datagram(bytes: bytes(.answer, packet.nonce), path: path))
      }
      let isNew = seen.insert(packet.nonce)
      // The peer's filter is open to us from now on (PRB-13).
      if isNew, let index = pairs.firstIndex(where: { $0.path == path }) {
        step(index, .peerAsked, at: now, random: &random)
        recompute()
      }
      return .probe(isNew: isNew)
    case .answer:
      takeAnswer(packet.nonce, over: path, at: now, random: &random)
      return .answer
    }
  }

  private mutating func takeAnswer(
    _ nonce: Bytes16, over path: DirectPath, at now: Instant, random: inout some RandomNumberGenerator
  ) {
    if let guess = guesses[nonce], guess.path == path {
      // A guess that hit is a candidate like any other from now on, with its first answer in hand.
      guesses[nonce] = nil
      if add(path, .learnt, at: now, random: &random),
        let index = pairs.firstIndex(where: { $0.path == path })
      {
        pairs[index].outstanding.append(.init(nonce: nonce, sentAt: guess.sentAt))
      }
    }
    guard let index = pairs.firstIndex(where: { $0.path == path }) else {
      refused += 1
      return
    }
    step(index, .answer, nonce: nonce, at: now, random: &random)
    recompute()
  }

  private func isOurs(_ nonce: Bytes16) -> Bool { (nonce.high >> 63 == 1) == isClaimant }

  private func newNonce(_ random: inout some RandomNumberGenerator) -> Bytes16 {
    let mark: UInt64 = 1 << 63
    let high = random.next()
    return Bytes16(high: isClaimant ? high | mark : high & ~mark, low: random.next())
  }

  private func bytes(_ kind: DiscoPacket.Kind, _ nonce: Bytes16) -> [UInt8] {
    let covered = DiscoPacket(kind: kind, nonce: nonce).authenticatedBytes
    return covered + key.mac(covered)
  }

  // MARK: Sending

  /// The next small datagram; nil when there is none or the budgets do not cover it yet (PRB-2).
  mutating func poll(at now: Instant, random: inout some RandomNumberGenerator) -> Datagram? {
    if let answer = answers.popFirst() { return answer }
    budgetDeadline = nil
    for _ in 0..<waiting.count {
      guard let path = waiting.popFirst() else { break }
      guard let index = pairs.firstIndex(where: { $0.path == path }), pairs[index].isWaiting else { continue }
      guard pairs[index].machine.state == .sounding else {
        pairs[index].isWaiting = false
        continue
      }
      guard budget.takeProbe(to: path.remote.address, at: now) else {
        waiting.append(path)
        continue
      }
      pairs[index].isWaiting = false
      let nonce = newNonce(&random)
      if pairs[index].outstanding.count >= CandidatePair.maximumOutstanding {
        pairs[index].outstanding.removeFirst()
      }
      pairs[index].outstanding.append(.init(nonce: nonce, sentAt: now))
      probesSent += 1
      return Datagram(bytes: bytes(.probe, nonce), path: path)
    }
    if !waiting.isEmpty { budgetDeadline = now + .milliseconds(20) }
    recompute()
    return nil
  }

  /// A probe to an address that is only guessed; nil when the budgets do not cover it now.
  mutating func guess(
    _ path: DirectPath, at now: Instant, random: inout some RandomNumberGenerator
  ) -> Datagram? {
    guard budget.takeGuess(to: path.remote.address, at: now) else { return nil }
    let nonce = newNonce(&random)
    if guesses.count < Self.maximumGuesses { guesses[nonce] = (path, now) }
    probesSent += 1
    return Datagram(bytes: bytes(.probe, nonce), path: path)
  }

  // MARK: Machine

  private mutating func step(
    _ index: Int, _ event: ProbingMachine.Event, nonce: Bytes16? = nil, at now: Instant,
    random: inout some RandomNumberGenerator
  ) {
    let asked = nonce.flatMap { nonce in pairs[index].outstanding.firstIndex { $0.nonce == nonce } }
    var machine = pairs[index].machine
    let result = machine.handle(event) { condition in
      switch condition {
      case .isAllowed: isAllowed(index)
      case .isWaiting: pairs[index].isWaiting
      case .isFresh: asked != nil
      case .isDirect: isDirect
      }
    }
    pairs[index].machine = machine
    // What merely does nothing would fill a log.
    if result.row != nil || result.kind == .protocolError {
      notices.append(.transition(TransitionRecord(result)))
    }
    for action in result.actions {
      switch action {
      case .sendProbe:
        guard !pairs[index].isWaiting else { continue }
        pairs[index].isWaiting = true
        waiting.append(pairs[index].path)
      case .armProbe: pairs[index].armProbe(at: now, random: &random)
      case .armSounding: pairs[index].armSounding(at: now)
      case .armRest: pairs[index].armRest(at: now, isBusy: isBusy)
      // Renewed only while there is no direct path (PRB-7).
      case .armRefresh: pairs[index].refreshAt = now + ProbingMachine.Timers.refresh
      case .disarmTimers: pairs[index].disarm()
      case .noteRoundTrip:
        guard let asked else { continue }
        pairs[index].noteProof(
          roundTrip: now - pairs[index].outstanding[asked].sentAt, isRenewal: result.from == .proven)
        pairs[index].outstanding.remove(at: asked)
      case .reportProven: notices.append(.proven(pairs[index].path))
      case .countRefused, .countStale: refused += 1
      }
    }
  }

  // MARK: Time

  mutating func handleTimeout(at now: Instant, random: inout some RandomNumberGenerator) {
    guard let deadline, deadline <= now else { return }
    budgetDeadline = nil
    for index in pairs.indices {
      while let event = pairs[index].takeDue(at: now) { step(index, event, at: now, random: &random) }
    }
    recompute()
  }

  private mutating func recompute() {
    var next = budgetDeadline
    for pair in pairs {
      guard let due = pair.deadline else { continue }
      next = next.map { min($0, due) } ?? due
    }
    deadline = next
  }
}
