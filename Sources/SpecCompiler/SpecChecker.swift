/// Finds what can be read and makes no sense: undefined names, ambiguous or unreachable parts, rules that
/// govern nothing, timers that do not add up.
public struct SpecChecker {
  private let spec: Spec
  private var found: [Diagnostic] = []

  /// Everything wrong with `spec`, in the order of the file's lines.
  public static func check(_ spec: Spec) -> [Diagnostic] {
    var checker = SpecChecker(spec: spec)
    checker.checkRules()
    if spec.kind == .machine {
      checker.checkNames()
      checker.checkRows()
      checker.checkPairs()
      checker.checkUse()
      checker.checkReachability()
      checker.checkDefaults()
      checker.checkTimers()
    }
    let found = checker.found.enumerated()
    return found.sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }.map(\.element)
  }

  private init(spec: Spec) { self.spec = spec }

  private mutating func report(_ line: Int, _ message: String) {
    found.append(Diagnostic(file: spec.file, line: line, message: message))
  }

  private func isState(_ name: String) -> Bool { spec.states.contains { $0.name == name } }
  private func isEvent(_ name: String) -> Bool { spec.events.contains { $0.name == name } }
  private func isAction(_ name: String) -> Bool { spec.actions.contains { $0.name == name } }

  private mutating func checkNames() {
    let kinds: [(String, [(String, Int)])] = [
      ("state", spec.states.map { ($0.name, $0.line) }), ("event", spec.events.map { ($0.name, $0.line) }),
      ("guard", spec.guards.map { ($0.name, $0.line) }), ("action", spec.actions.map { ($0.name, $0.line) }),
      ("timer", spec.timers.map { ($0.name, $0.line) }),
    ]
    for (kind, names) in kinds {
      for (index, (name, line)) in names.enumerated() {
        if !name.isUsableName { report(line, "\"\(name)\" is no usable name for a \(kind)") }
        if names[..<index].contains(where: { $0.0 == name }) { report(line, "a second \(kind) \"\(name)\"") }
      }
    }
    let initial = spec.states.filter { $0.kind == .initial }
    if initial.count != 1 {
      report(spec.states.first?.line ?? 1, "\(initial.count) initial states instead of one")
    }
  }

  private mutating func checkRules() {
    if spec.prefix.isEmpty || !spec.prefix.unicodeScalars.allSatisfy({ ("A"..."Z").contains($0) }) {
      report(1, "the prefix must be capital letters")
    }
    for (index, rule) in spec.rules.enumerated() where rule.id != "\(spec.prefix)-\(index + 1)" {
      report(rule.line, "rule \(rule.id) stands where \(spec.prefix)-\(index + 1) belongs")
    }
    for (index, invariant) in spec.invariants.enumerated()
    where invariant.id != "\(spec.prefix)-I\(index + 1)" {
      report(invariant.line, "invariant \(invariant.id) stands where \(spec.prefix)-I\(index + 1) belongs")
    }
    for rule in spec.rules + spec.invariants where rule.text.isEmpty {
      report(rule.line, "\(rule.id) says nothing")
    }
    // Rules of a machine govern its rows; those without one, what cites them.
    for rule in spec.rules where spec.kind == .machine && !spec.mentions.contains(where: { $0.id == rule.id })
    {
      report(rule.line, "rule \(rule.id) governs nothing: no row, default or text names it")
    }
    for mention in spec.mentions
    where !(spec.rules + spec.invariants).contains(where: { $0.id == mention.id }) {
      report(mention.line, "undefined rule \(mention.id)")
    }
    if spec.kind == .rules, spec.rules.isEmpty { report(1, "a set of rules needs at least one rule") }
    if spec.kind == .machine, spec.invariants.isEmpty { report(1, "a spec needs at least one invariant") }
  }

  private mutating func checkRule(_ rule: String, _ line: Int) {
    if rule.isEmpty {
      report(line, "a row needs a rule")
    } else if ruleNames(in: rule, prefix: spec.prefix) != [rule] {
      report(line, "\"\(rule)\" is not the name of one rule")
    }
  }

  private mutating func checkRows() {
    for row in spec.rows {
      if !isState(row.state) { report(row.line, "undefined state \"\(row.state)\"") }
      if !isEvent(row.event) { report(row.line, "undefined event \"\(row.event)\"") }
      if !isState(row.next) { report(row.line, "undefined state \"\(row.next)\"") }
      if let name = row.guardName, !spec.guards.contains(where: { $0.name == name }) {
        report(row.line, "undefined guard \"\(name)\"")
      }
      for (index, action) in row.actions.enumerated() {
        if !isAction(action) { report(row.line, "undefined action \"\(action)\"") }
        if row.actions[..<index].contains(action) { report(row.line, "action \"\(action)\" stands twice") }
      }
      if spec.finalStates.contains(row.state) {
        report(row.line, "a row leads out of the final state \"\(row.state)\"")
      }
      checkRule(row.rule, row.line)
    }
  }

  /// Rows of one pair stand together, each with its own guard, the last one without.
  private mutating func checkPairs() {
    for state in spec.states.map(\.name) {
      for event in spec.events.map(\.name) {
        let indices = spec.rowIndices(state: state, event: event)
        guard let first = indices.first, let last = indices.last else { continue }
        let pair = "\(state) × \(event)"
        if last - first + 1 != indices.count {
          report(spec.rows[last].line, "the rows of the pair \(pair) do not stand together")
        }
        for index in indices.dropLast() where spec.rows[index].guardName == nil {
          report(
            spec.rows[index].line,
            "ambiguous pair \(pair): a row without a guard stands before another row of the pair")
        }
        if let name = spec.rows[last].guardName {
          report(
            spec.rows[last].line, "the last row of the pair \(pair) must have no guard, not \"\(name)\"")
        }
        for index in indices {
          guard let name = spec.rows[index].guardName else { continue }
          if indices.contains(where: { $0 < index && spec.rows[$0].guardName == name }) {
            report(spec.rows[index].line, "ambiguous pair \(pair): guard \"\(name)\" stands twice")
          }
        }
      }
    }
  }

  private mutating func checkUse() {
    for event in spec.events where !spec.rows.contains(where: { $0.event == event.name }) {
      report(event.line, "event \"\(event.name)\" is in no row")
    }
    for name in spec.guards where !spec.rows.contains(where: { $0.guardName == name.name }) {
      report(name.line, "guard \"\(name.name)\" is in no row")
    }
    for action in spec.actions where !spec.rows.contains(where: { $0.actions.contains(action.name) }) {
      report(action.line, "action \"\(action.name)\" is in no row")
    }
  }

  private mutating func checkReachability() {
    var reached = [spec.initialState]
    var next = 0
    while next < reached.count {
      for row in spec.rows where row.state == reached[next] && !reached.contains(row.next) {
        reached.append(row.next)
      }
      next += 1
    }
    for state in spec.states where !reached.contains(state.name) {
      report(state.line, "unreachable state \"\(state.name)\"")
    }
  }

  private mutating func checkDefaults() {
    if spec.defaults.last.map({ $0.states == ["*"] && $0.events == ["*"] }) != true {
      report(spec.defaults.last?.line ?? 1, "the last default must cover every pair: | * | * |")
    }
    for (index, entry) in spec.defaults.enumerated() {
      for state in entry.states where state != "*" && !isState(state) {
        report(entry.line, "undefined state \"\(state)\"")
      }
      for event in entry.events where event != "*" && !isEvent(event) {
        report(entry.line, "undefined event \"\(event)\"")
      }
      checkRule(entry.rule, entry.line)
      var covers = false
      for state in spec.states.map(\.name) {
        for event in spec.events.map(\.name) where spec.defaultRow(state: state, event: event) == entry {
          if spec.rowIndices(state: state, event: event).isEmpty {
            covers = true
          } else if entry.states.contains(state), entry.events.contains(event) {
            report(entry.line, "ambiguous pair \(state) × \(event): it has rows and a default of its own")
          }
        }
      }
      let isLast = index == spec.defaults.count - 1
      if !covers, !isLast { report(entry.line, "this default covers no pair") }
    }
  }

  /// The table of timers must agree with what the rows arm and disarm; no path through the table may end
  /// with a timer running, or stopped, against it.
  private mutating func checkTimers() {
    for timer in spec.timers {
      if !isEvent(timer.event) { report(timer.line, "undefined event \"\(timer.event)\"") }
      for action in timer.armedBy + timer.disarmedBy where !isAction(action) {
        report(timer.line, "undefined action \"\(action)\"")
      }
      for state in timer.armedIn where !isState(state) {
        report(timer.line, "undefined state \"\(state)\"")
      }
      if spec.status == .complete, timer.milliseconds == nil {
        report(timer.line, "the length of timer \"\(timer.name)\" must read like 250 ms, 30 s or 5 min")
      }
      if timer.length.isEmpty { report(timer.line, "timer \"\(timer.name)\" has no length") }
      for row in spec.rows {
        var armed = timer.armedIn.contains(row.state) && row.event != timer.event
        for action in row.actions {
          if timer.disarmedBy.contains(action) { armed = false }
          if timer.armedBy.contains(action) { armed = true }
        }
        if armed != timer.armedIn.contains(row.next) {
          let how = armed ? "armed" : "not armed"
          report(row.line, "timer \"\(timer.name)\" is \(how) after this row, against the timers table")
        }
      }
    }
    for action in spec.actions where action.name.hasPrefix("arm") || action.name.hasPrefix("disarm") {
      if !spec.timers.contains(where: { ($0.armedBy + $0.disarmedBy).contains(action.name) }) {
        report(action.line, "undefined timer: no timer is armed or disarmed by \"\(action.name)\"")
      }
    }
  }
}
