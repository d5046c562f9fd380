import SpecCompiler

/// One side's sending machine and its surroundings: pairs that break, vanish and come back, echoes that are lost,
/// late or doubled, probing that proves pairs whether or not they carry payload, payload that stops and resumes.
///
/// The other side is in it as what echoes challenges: it does so at once and without state, so the two sides'
/// machines never meet and one of them is the whole model. That every byte arrives once and in order (PRM-I1) is for
/// the simulator; the model sees its precondition, that no path is given back while payload still goes there.
struct PromotionModel: Model {
  enum Choice {
    case proven(Int, isBetter: Bool)
    case timer(Int)
    case echoArrives(Int)
    case echoArrivesTwice(Int)
    case staleEchoArrives(Int)
    case echoIsLost(Int)
    case staleEchoIsLost(Int)
    case challengeIsForgotten(Int)
    case barIsOver(Int)
    case pairBreaks(Int)
    case pairMends(Int)
    case pairVanishes(Int)
    case pairReturns(Int)
    case acknowledged
    case trafficResumed
    case sessionEnds
  }

  let pairs: ClosedRange<Int>
  var machine: Interpreter

  /// - Throws: a diagnostic when the spec uses a name that the model does not know.
  init(_ spec: Spec, pairs: Int) throws(Diagnostic) {
    self.pairs = 1...pairs
    machine = try Interpreter(spec, PromotionNames.vocabulary, errorInvariant: "PRM-I11")
  }

  var summary: String {
    "promotion: \(pairs.count) pair(s) that break, vanish and return, 1 echo and 1 stale echo in flight on each; "
      + "loss, delay and doubling without limit"
  }
  var broken: (invariant: String, reason: String)? { machine.broken }
  var rowsNotTaken: [String] { machine.rowsNotTaken }

  var goals: [Goal<PromotionWorld>] {
    let pairs = pairs
    return [
      Goal(
        invariant: "PRM-I3", reason: "a pair works and payload never goes over it", isPatient: true,
        concerns: { world in
          world.state != .over && !world.isRelayOnly && pairs.contains { world[pair: $0].isWorking }
        },
        isReached: { $0.payload != 0 && $0[pair: $0.payload].isWorking }),
      Goal(
        invariant: "PRM-I7", reason: "payload stays on a path that is silent", isPatient: true,
        concerns: { $0.state != .over && $0.payload != 0 },
        isReached: { $0.payload == 0 || $0[pair: $0.payload].isWorking }),
    ]
  }

  func initialWorlds() -> [PromotionWorld] {
    [false, true].map { isRelayOnly in
      var world = PromotionWorld()
      world.isRelayOnly = isRelayOnly
      for pair in pairs { world[pair: pair].isWorking = true }
      return world
    }
  }

  /// On a healthy network echoes are faster than any timer.
  func forEachChoice(in world: PromotionWorld, _ visit: (Choice, Weather) -> Void) {
    let quiet = !pairs.contains { world[pair: $0].challenge == .echoInFlight }
    for number in pairs { choices(ofPair: number, in: world, visit) }
    for (timer, event) in machine.table.timerEvents.enumerated() where world.armed >> timer & 1 == 1 {
      let isShort =
        event == PromotionNames.Event.challengeDue.rawValue || event == PromotionNames.Event.checkDue.rawValue
      visit(.timer(timer), quiet ? (isShort ? .healthy : .late) : .faulty)
    }
    visit(.acknowledged, .faulty)
    visit(.trafficResumed, .faulty)
    visit(.sessionEnds, .faulty)
  }

  private func choices(
    ofPair number: Int, in world: PromotionWorld, _ visit: (Choice, Weather) -> Void
  ) {
    let pair = world[pair: number]
    switch pair.challenge {
    case .none: break
    case .unanswered: visit(.challengeIsForgotten(number), .faulty)
    case .echoInFlight:
      visit(.echoArrives(number), .healthy)
      visit(.echoArrivesTwice(number), .faulty)
      visit(.echoIsLost(number), .faulty)
      visit(.challengeIsForgotten(number), .faulty)
    }
    if pair.hasStaleEcho {
      visit(.staleEchoArrives(number), .faulty)
      visit(.staleEchoIsLost(number), .faulty)
    }
    if pair.isBarred { visit(.barIsOver(number), .late) }
    guard !pair.isGone else { return visit(.pairReturns(number), .faulty) }
    let weather = pair.isWorking ? Weather.healthy : .faulty
    visit(.proven(number, isBetter: false), weather)
    if number != world.path { visit(.proven(number, isBetter: true), weather) }
    visit(pair.isWorking ? .pairBreaks(number) : .pairMends(number), .faulty)
    visit(.pairVanishes(number), .faulty)
  }

  mutating func apply(_ choice: Choice, to old: PromotionWorld) -> PromotionWorld {
    var world = old
    switch choice {
    case .proven(let pair, let isBetter): step(.pathProven, pair: pair, isBetter: isBetter, &world)
    case .timer(let timer):
      world.armed &= ~(1 << UInt8(timer))
      let event = PromotionNames.Event.allCases[Int(machine.table.timerEvents[timer])]
      // What a silent path answered before proves nothing any more.
      if event == .pathSilent, world.path != 0 { world[pair: world.path].hasAnswered = false }
      step(event, &world)
    case .echoArrives(let pair), .echoArrivesTwice(let pair):
      if case .echoArrivesTwice = choice { world[pair: pair].hasStaleEcho = true }
      world[pair: pair].challenge = .none
      world[pair: pair].hasAnswered = true
      receiveEcho(from: pair, isOutstanding: true, &world)
    case .staleEchoArrives(let pair):
      world[pair: pair].hasStaleEcho = false
      receiveEcho(from: pair, isOutstanding: false, &world)
    case .echoIsLost(let pair): world[pair: pair].challenge = .unanswered
    case .staleEchoIsLost(let pair): world[pair: pair].hasStaleEcho = false
    case .challengeIsForgotten(let pair):
      if world[pair: pair].challenge == .echoInFlight { world[pair: pair].hasStaleEcho = true }
      world[pair: pair].challenge = .none
    case .barIsOver(let pair): world[pair: pair].isBarred = false
    case .pairBreaks(let pair): world[pair: pair].isWorking = false
    case .pairMends(let pair): world[pair: pair].isWorking = true
    case .pairVanishes(let pair): vanish(pair, &world)
    case .pairReturns(let pair): world[pair: pair].isGone = false
    case .acknowledged: step(.pathHeard, &world)
    case .trafficResumed: step(.trafficResumed, &world)
    case .sessionEnds: step(.sessionEnded, &world)
    }
    for pair in pairs where pair != world.path && pair != world.candidate {
      world[pair: pair].hasAnswered = false
    }
    return world
  }

  /// Hands an echo over as the session would: over a path that carries payload it is evidence.
  private mutating func receiveEcho(from pair: Int, isOutstanding: Bool, _ world: inout PromotionWorld) {
    if pair == world.payload {
      if isOutstanding { step(.pathHeard, &world) }
      return
    }
    let confirmed = world.candidate != 0 ? world.candidate : world.path
    step(.challengeAnswered, pair: pair, isOutstanding: isOutstanding && pair == confirmed, &world)
  }

  private mutating func vanish(_ pair: Int, _ world: inout PromotionWorld) {
    world[pair: pair].isWorking = false
    world[pair: pair].isGone = true
    world[pair: pair].hasAnswered = false
    world[pair: pair].hasStaleEcho = false
    world[pair: pair].challenge = .none
    if pair == world.path { step(.pathLost, &world) }
    if pair == world.candidate { step(.candidateLost, &world) }
  }

  func trace(of choice: Choice, in world: PromotionWorld) -> [String] {
    var copy = self
    copy.machine.startTracing()
    _ = copy.apply(choice, to: world)
    let surroundings: String? =
      switch choice {
      case .timer, .acknowledged, .trafficResumed, .sessionEnds: nil
      case .proven(let pair, false): "probing: proves pair \(pair)"
      case .proven(let pair, true): "probing: proves pair \(pair), clearly better"
      case .echoArrives(let pair): "network: delivers an echo over pair \(pair)"
      case .echoArrivesTwice(let pair): "network: doubles an echo over pair \(pair)"
      case .staleEchoArrives(let pair): "network: delivers a stale echo over pair \(pair)"
      case .echoIsLost(let pair): "network: loses an echo over pair \(pair)"
      case .staleEchoIsLost(let pair): "network: loses a stale echo over pair \(pair)"
      case .challengeIsForgotten(let pair): "session: forgets the challenges of pair \(pair)"
      case .barIsOver(let pair): "session: the bar of pair \(pair) is over"
      case .pairBreaks(let pair): "network: pair \(pair) breaks"
      case .pairMends(let pair): "network: pair \(pair) mends"
      case .pairVanishes(let pair): "network: pair \(pair) vanishes"
      case .pairReturns(let pair): "network: pair \(pair) returns"
      }
    return (surroundings.map { [$0] } ?? []) + copy.machine.steps
  }
}
