import SpecCompiler

/// Explores models of the specs.
public enum Search {
  /// Explores `claim` × `decision` and checks every invariant of both specs.
  ///
  /// - Throws: a diagnostic when a spec uses names that the model does not know.
  public static func explore(claim: Spec, decision: Spec, bounds: Bounds) throws(Diagnostic) -> Exploration {
    Walk.run(try Composition(claim: claim, decision: decision, bounds: bounds))
  }

  /// Explores one pair's `probing` and checks every invariant of the spec.
  ///
  /// - Throws: a diagnostic when the spec uses names that the model does not know.
  public static func explore(probing: Spec) throws(Diagnostic) -> Exploration {
    Walk.run(try ProbingModel(probing))
  }

  /// Explores one path's `rate` and checks every invariant of the spec.
  ///
  /// - Throws: a diagnostic when the spec uses names that the model does not know.
  public static func explore(rate: Spec) throws(Diagnostic) -> Exploration {
    Walk.run(try RateModel(rate))
  }

  /// Explores one client's `tunnel` and checks every invariant of the spec.
  ///
  /// - Throws: a diagnostic when the spec uses names that the model does not know.
  public static func explore(tunnel: Spec) throws(Diagnostic) -> Exploration {
    Walk.run(try TunnelModel(tunnel))
  }

  /// Explores one direction's `repair` and checks every invariant of the spec.
  ///
  /// - Throws: a diagnostic when the spec uses names that the model does not know.
  public static func explore(repair: Spec) throws(Diagnostic) -> Exploration {
    Walk.run(try RepairModel(repair))
  }

  /// Explores one side's `promotion` with `pairs` pairs, 1 or 2, and checks every invariant of the spec.
  ///
  /// - Throws: a diagnostic when the spec uses names that the model does not know.
  public static func explore(promotion: Spec, pairs: Int = 2) throws(Diagnostic) -> Exploration {
    Walk.run(try PromotionModel(promotion, pairs: min(max(pairs, 1), 2)))
  }
}

/// Walks through a whole model, breadth first, so that every trace is a shortest one.
private struct Walk<M: Model> {
  private var model: M
  private var set = WorldSet<M.World>()
  /// Per world: the world that it was first reached from; `noParent` for those that everything starts in.
  private var parents: [UInt32] = []
  /// Per world: where its healthy steps begin in `edges`.
  private var edgeStarts: [UInt32] = []
  /// Where healthy steps lead; the top bit marks those that need patience to run out.
  private var edges: [UInt32] = []
  private var transitions = 0

  private static var noParent: UInt32 { .max }
  private static var lateBit: UInt32 { 1 << 31 }

  private init(model: M) { self.model = model }

  /// Explores `model` and checks every invariant.
  static func run(_ model: M) -> Exploration {
    var search = Walk(model: model)
    let violation = search.findUnsafe() ?? search.findStuck()
    return Exploration(
      model: model.summary, states: search.set.count, transitions: search.transitions, violation: violation,
      rowsNotTaken: search.model.rowsNotTaken)
  }

  /// Visits every reachable world; returns the first broken safety invariant.
  private mutating func findUnsafe() -> Violation? {
    for world in model.initialWorlds() where set.insert(world).isNew { parents.append(Self.noParent) }
    var choices: [(M.Choice, Weather)] = []
    var number = 0
    while number < set.count {
      let world = set.worlds[number]
      edgeStarts.append(UInt32(edges.count))
      choices.removeAll(keepingCapacity: true)
      model.forEachChoice(in: world) { choices.append(($0, $1)) }
      transitions += choices.count
      for (choice, weather) in choices {
        let next = model.apply(choice, to: world)
        if model.broken != nil { return violation(after: number, choice) }
        let (target, isNew) = set.insert(next)
        if isNew {
          parents.append(UInt32(number))
          model.checkWorld(next)
          if model.broken != nil { return violation(after: number, choice) }
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

  private func violation(after number: Int, _ choice: M.Choice) -> Violation? {
    guard let broken = model.broken else { return nil }
    let trace = path(to: number) + model.trace(of: choice, in: set.worlds[number])
    return Violation(invariant: broken.invariant, reason: broken.reason, trace: trace)
  }

  /// The trace to a world, by the parents.
  private func path(to number: Int) -> [String] {
    var chain = [number]
    while let first = chain.last, parents[first] != Self.noParent { chain.append(Int(parents[first])) }
    chain.reverse()
    var lines: [String] = []
    for (from, to) in zip(chain, chain.dropFirst()) {
      var found: M.Choice?
      model.forEachChoice(in: set.worlds[from]) { choice, _ in
        var copy = model
        if found == nil, copy.apply(choice, to: set.worlds[from]) == set.worlds[to] { found = choice }
      }
      if let found { lines += model.trace(of: found, in: set.worlds[from]) }
    }
    return lines
  }
}

// Liveness: the healthy steps form a graph without loss or doubling. In a finite graph a goal is inevitable, when
// no step that stays possible is put off for ever, exactly if it can be reached from everywhere.
extension Walk {
  /// Returns the first broken liveness invariant; only to be asked after all worlds were visited.
  private func findStuck() -> Violation? {
    for goal in model.goals {
      let reaching = worldsReaching(goal.isReached, withLateSteps: goal.isPatient)
      for number in 0..<set.count where !reaching[number] && goal.concerns(set.worlds[number]) {
        return Violation(
          invariant: goal.invariant, reason: goal.reason,
          trace: path(to: number) + ["from here on, with a healthy channel: \(goal.reason)"])
      }
    }
    return nil
  }

  /// Which worlds have a path of healthy steps to one that satisfies `isGoal`.
  private func worldsReaching(_ isGoal: (M.World) -> Bool, withLateSteps: Bool) -> [Bool] {
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
