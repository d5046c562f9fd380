import Basics

/// What a run is about: which faults it has besides the network's.
public enum Scenario: String, CaseIterable, Sendable {
  /// Nothing goes wrong.
  case calm
  /// The relay loses, doubles, delays, reorders, damages and repeats packets.
  case lossy
  /// The relay restarts, or connections break, for a short while.
  case outage
  /// The relay is away for longer than anybody waits.
  case exile
  /// One side dies without a word.
  case crash
  /// One side is interrupted.
  case interrupt
  /// The source or the output fails.
  case failure
  /// Two claimants hold the token.
  case rivals
  /// Others interfere: claims of upstream's protocol, bad claims, claims of the dead, garbage.
  case strangers
  /// The token expires while somebody is, or is not, about to use it.
  case expiry
  /// One side is missing, or cannot reach the relay.
  case alone
  /// Both sides can reach each other directly, and nothing goes wrong.
  case direct
  /// Any pair of NATs, firewalls and families of addresses.
  case nats
  /// Direct paths fall silent and come back; the relay goes away meanwhile.
  case blackhole
  /// Datagrams take long ways, so that they come when nobody waits for them any more; a better path comes forward, and
  /// one of both fails.
  case detours
  /// Machines get other addresses, NATs start again.
  case roaming
  /// Large packets do not pass, or no longer.
  case mtu
  /// Somebody on the way repeats, redirects, reflects and forges datagrams.
  case intruders

  /// Whether it is about direct paths.
  var isOfDatagrams: Bool {
    switch self {
    case .direct, .nats, .blackhole, .detours, .roaming, .mtu, .intruders: true
    default: false
    }
  }

  /// Of a hundred seeds so many are about it, roughly.
  var weight: Int {
    switch self {
    case .calm: 4
    case .lossy: 9
    case .outage: 8
    case .exile: 4
    case .crash: 5
    case .interrupt: 7
    case .failure: 4
    case .rivals: 5
    case .strangers: 4
    case .expiry: 4
    case .alone: 4
    case .direct: 6
    case .nats: 12
    case .blackhole: 9
    case .detours: 8
    case .roaming: 7
    case .mtu: 4
    case .intruders: 6
    }
  }

  /// Draws one by weight.
  static func draw(_ random: inout SeededGenerator) -> Scenario {
    var ticket = Int.random(in: 0..<allCases.reduce(0) { $0 + $1.weight }, using: &random)
    for scenario in allCases {
      if ticket < scenario.weight { return scenario }
      ticket -= scenario.weight
    }
    return .calm
  }
}

extension SeededGenerator {
  /// True for `perCent` of a hundred draws.
  mutating func chance(_ perCent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < perCent }

  /// A number between the bounds, each order of magnitude as likely as another.
  mutating func magnitude(_ range: ClosedRange<Int>) -> Int {
    // Doublings are counted in integers: floating-point logarithms might differ between machines.
    var low = max(range.lowerBound, 1)
    var doublings = 0
    while low <= range.upperBound / 2 {
      low *= 2
      doublings += 1
    }
    let start = max(range.lowerBound, 1) << Int.random(in: 0...doublings, using: &self)
    return Int.random(in: start...min(start * 2, range.upperBound), using: &self)
  }

  /// A length of time, in microseconds, each order of magnitude as likely as another.
  mutating func time(_ microseconds: ClosedRange<Int>) -> Interval {
    .microseconds(Int64(magnitude(microseconds)))
  }

  mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[Int.random(in: 0..<choices.count, using: &self)]
  }
}

extension Options {
  /// The options of a seed.
  ///
  /// - Parameter scenario: what the run is to be about; nil to draw that, too.
  public static func draw(seed: UInt64, scenario: Scenario? = nil) -> Options {
    var random = SeededGenerator(seed: seed)
    let drawn = Scenario.draw(&random)
    var options = Options(seed: seed, scenario: scenario ?? drawn)
    options.drawNetwork(&random)
    options.drawHosts(&random)
    if options.scenario == .lossy || options.scenario != .calm && random.chance(40) {
      options.drawPacketFaults(&random)
    }
    options.drawFaults(&random)
    options.drawKeyEpoch(&random)
    options.drawDatagrams(&random)
    options.drawStreams(&random)
    return options
  }

  private mutating func drawNetwork(_ random: inout SeededGenerator) {
    claimantLatency = random.time(20...250_000)
    acceptorLatency = random.chance(50) ? claimantLatency : random.time(20...250_000)
    claimantRate = random.magnitude(50_000...200_000_000)
    acceptorRate = random.chance(50) ? claimantRate : random.magnitude(50_000...200_000_000)
    // What is under way on a connection must drain within a second, or pings to the relay time out.
    connectionBuffer = random.magnitude(4_096...min(4 << 20, min(claimantRate, acceptorRate)))
    largestPiece = random.chance(20) ? random.magnitude(1...100) : random.magnitude(500...200_000)
    isFastStart = random.chance(30)
    if random.chance(10) { relayRate = random.magnitude(200_000...20_000_000) }
  }

  private mutating func drawHosts(_ random: inout SeededGenerator) {
    claimantSends = random.chance(75)
    claimantStart = random.chance(80) ? random.time(100...3_000_000) : .zero
    rivalStart = random.chance(50) ? claimantStart : random.time(100...5_000_000)
    if random.chance(25) {
      (sourceStep, sourcePause) = (random.magnitude(1_000...1_000_000), random.time(1_000...200_000))
    }
    if random.chance(25) {
      (outputStep, outputPause) = (random.magnitude(1_000...1_000_000), random.time(1_000...200_000))
    }
    closeDelay = random.chance(50) ? .zero : random.time(100...2_000_000)
    if random.chance(40) { largestFrame = random.magnitude(1_000...65_500) }
    switch Int.random(in: 0..<10, using: &random) {
    case 0: payload = 0
    case 1: payload = 1
    case 2...6: payload = random.magnitude(2...300_000)
    default: payload = random.magnitude(300_000...6_000_000)
    }
    // A run takes some ten seconds of its own time at most, and no more events than one can wait for.
    payload = min(payload, Int(throughput * 10), largestPiece * 2_000, largestFrame * 1_500)
  }

  private mutating func drawPacketFaults(_ random: inout SeededGenerator) {
    if random.chance(70) { loss = random.magnitude(1...250) }
    if random.chance(50) { double = random.magnitude(1...300) }
    if random.chance(40) { delay = random.magnitude(1...200) }
    if random.chance(50) { reorder = random.magnitude(1...400) }
    if random.chance(30) { corrupt = random.magnitude(1...100) }
    if random.chance(30) { replay = random.magnitude(1...100) }
    longestDelay = random.time(1_000...3_000_000)
    faultsEnd = random.time(100_000...15_000_000)
  }

  private mutating func drawStreams(_ random: inout SeededGenerator) {
    // Sources and outputs, which fail there, have no part in streams.
    guard random.chance(20), scenario != .failure else { return }
    streams = random.magnitude(1...60)
    if random.chance(50) { streamDatagrams = random.magnitude(1...200) }
    // What goes there comes back, and each stream has a life of its own.
    payload = min(payload, 1_000_000)
  }

  private mutating func drawKeyEpoch(_ random: inout SeededGenerator) {
    // A receiver follows from one epoch to the next; so an outage must not swallow all frames of one.
    let swallows = faults.contains {
      [.relayDown, .relayFreezes, .deafenAcceptor, .deafenClaimant].contains($0.kind)
    }
    if random.chance(60) { framesPerEpoch = random.pick(swallows ? [2_048, 4_096] : [512, 1_024, 4_096]) }
  }
}
