import SpecCompiler

/// Explores the whole composition within its bounds, breadth first, so that every trace is a shortest one.
public struct Search {
  private var composition: Composition
  private var set = WorldSet()
  /// Per world: the world that it was first reached from; `noParent` for those that everything starts in.
  private var parents: [UInt32] = []
  /// Per world: where its healthy steps begin in `edges`.
  private var edgeStarts: [UInt32] = []
  /// Where healthy steps lead; the top bit marks those that need patience to run out.
  private var edges: [UInt32] = []
  private var transitions = 0

  private static let noParent = UInt32.max
  private static let lateBit: UInt32 = 1 << 31

  /// Explores `claim` × `decision` and checks every invariant of both specs.
  ///
  /// - Throws: a diagnostic when a spec uses names that the model does not know.
  public static func explore(claim: Spec, decision: Spec, bounds: Bounds) throws(Diagnostic) -> Exploration {
    var search = Search(composition: try Composition(claim: claim, decision: decision, bounds: bounds))
    let violation = search.findUnsafe() ?? search.findStuck()
    let composition = search.composition
    var missing: [String] = []
    for (row, taken) in zip(claim.rows, composition.claimRowsTaken) where !taken {
      missing.append("claim: \(row.title)")
    }
    for (row, taken) in zip(decision.rows, composition.decisionRowsTaken) where !taken {
      missing.append("decision: \(row.title)")
    }
    return Exploration(
      bounds: bounds, states: search.set.count, transitions: search.transitions, violation: violation,
      rowsNotTaken: missing)
  }

  private init(composition: Composition) { self.composition = composition }

  /// Visits every reachable world; returns the first broken safety invariant.
  private mutating func findUnsafe() -> Violation? {
    for world in composition.initialWorlds() where set.insert(world).isNew { parents.append(Self.noParent) }
    var choices: [(Choice, Choice.Weather)] = []
    var number = 0
    while number < set.count {
      let world = set.worlds[number]
      edgeStarts.append(UInt32(edges.count))
      choices.removeAll(keepingCapacity: true)
      composition.forEachChoice(in: world) { choices.append(($0, $1)) }
      transitions += choices.count
      for (choice, weather) in choices {
        let next = composition.apply(choice, to: world)
        if composition.broken != nil { return violation(after: number, choice) }
        let (target, isNew) = set.insert(next)
        if isNew {
          parents.append(UInt32(number))
          composition.checkWorld(next)
          if composition.broken != nil { return violation(after: number, choice) }
        }
        switch weather {
        case .healthy: edges.append(UInt32(target))
        case .late: edges.append(UInt32(target) | Self.lateBit)
        case .faulty: break
        }
      }
      number += 1
    }
    edgeStarts.append(UInt32(edges.count))
    return nil
  }

  private func violation(after number: Int, _ choice: Choice) -> Violation? {
    guard let broken = composition.broken else { return nil }
    let trace = path(to: number) + composition.trace(of: choice, in: set.worlds[number])
    return Violation(invariant: broken.invariant, reason: broken.reason, trace: trace)
  }

  /// The trace to a world, by the parents.
  private func path(to number: Int) -> [String] {
    var chain = [number]
    while let first = chain.last, parents[first] != Self.noParent { chain.append(Int(parents[first])) }
    chain.reverse()
    var lines: [String] = []
    for (from, to) in zip(chain, chain.dropFirst()) {
      var found: Choice?
      composition.forEachChoice(in: set.worlds[from]) { choice, _ in
        var copy = composition
        if found == nil, copy.apply(choice, to: set.worlds[from]) == set.worlds[to] { found = choice }
      }
      if let found { lines += composition.trace(of: found, in: set.worlds[from]) }
    }
    return lines
  }
}

// Liveness: the healthy steps form a graph without loss or doubling. In a finite graph a goal is inevitable, when
// no step that stays possible is put off for ever, exactly if it can be reached from everywhere.
extension Search {
  /// Returns the first broken liveness invariant; only to be asked after all worlds were visited.
  private func findStuck() -> Violation? {
    let bounds = composition.bounds
    let checks: [(String, String, Bool, (World) -> Bool, (World) -> Bool)] = [
      (
        "CLM-I9", "a claimant never reaches a final state", true, { _ in true },
        { world in (0..<bounds.claimants).allSatisfy { !world[claimant: $0].isTrying } }
      ),
      (
        "DEC-I11", "the acceptor neither closes nor confirms a claimant", true, { _ in true },
        { world in !world.acceptor.isOpen || world.acceptor.state == .confirmed }
      ),
      (
        "DEC-I12", "without a deadline no claimant gets confirmed, or one never learns its outcome", false,
        { world in
          world.acceptor.isOpen && !world.acceptor.tokenIsExpired
            && (0..<bounds.claimants).contains {
              world[claimant: $0].isTrying && world[claimant: $0].isAcceptable
            }
        },
        { world in
          world.acceptor.state == .confirmed
            && (0..<bounds.claimants).allSatisfy {
              let party = world[claimant: $0]
              return !party.isTrying || (party.state == .accepted && world.acceptor.adopted != $0 + 1)
            }
        }
      ),
    ]
    for (invariant, reason, isPatient, concerns, isGoal) in checks {
      let reaching = worldsReaching(isGoal, withLateSteps: isPatient)
      for number in 0..<set.count where !reaching[number] && concerns(set.worlds[number]) {
        return Violation(
          invariant: invariant, reason: reason,
          trace: path(to: number) + ["from here on, with a healthy channel: \(reason)"])
      }
    }
    return nil
  }

  /// Which worlds have a path of healthy steps to one that satisfies `isGoal`.
  private func worldsReaching(_ isGoal: (World) -> Bool, withLateSteps: Bool) -> [Bool] {
    // The edges turned round: counted, then filled in.
    var starts = [UInt32](repeating: 0, count: set.count + 1)
    for edge in edges where withLateSteps || edge & Self.lateBit == 0 {
      starts[Int(edge & ~Self.lateBit) + 1] += 1
    }
    for number in 0..<set.count { starts[number + 1] += starts[number] }
    var fill = starts
    var sources = [UInt32](repeating: 0, count: Int(starts[set.count]))
    for number in 0..<set.count {
      for index in Int(edgeStarts[number])..<Int(edgeStarts[number + 1]) {
        let edge = edges[index]
        guard withLateSteps || edge & Self.lateBit == 0 else { continue }
        let target = Int(edge & ~Self.lateBit)
        sources[Int(fill[target])] = UInt32(number)
        fill[target] += 1
      }
    }
    var reaching = [Bool](repeating: false, count: set.count)
    var queue: [Int] = []
    for number in 0..<set.count where isGoal(set.worlds[number]) {
      reaching[number] = true
      queue.append(number)
    }
    while let number = queue.popLast() {
      for index in Int(starts[number])..<Int(starts[number + 1]) where !reaching[Int(sources[index])] {
        reaching[Int(sources[index])] = true
        queue.append(Int(sources[index]))
      }
    }
    return reaching
  }
}
