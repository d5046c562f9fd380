import SpecCompiler

/// The names that the model gives a meaning to, in the order of their numbers.
struct Vocabulary {
  var states: [String]
  var events: [String]
  var guards: [String]
  var actions: [String]
}

/// A spec's table in numbers, ready to be interpreted millions of times.
///
/// It comes from the parsed table, not from the generated code, so it stays an independent reading of the spec.
struct MachineTable {
  /// What a pair leads to.
  enum Outcome {
    case row(Int)
    case ignored
    case protocolError
  }

  let spec: Spec
  /// Per row: the state it leads to, and its actions.
  let next: [UInt8]
  let actions: [[UInt8]]
  /// Per timer: the event that it causes.
  let timerEvents: [UInt8]
  /// Per state: which timers must be armed, a bit each.
  let armedIn: [UInt8]
  /// Per action: which timers it arms and disarms, a bit each.
  let arms: [UInt8]
  let disarms: [UInt8]

  private let vocabulary: Vocabulary
  private let eventCount: Int
  /// Per pair: its rows with the bit of each one's guard, 0 when it has none.
  private let pairs: [[(guardBit: UInt8, row: Int)]]
  private let defaults: [Bool]

  /// - Throws: a diagnostic when the spec uses a name that the model does not know.
  init(_ spec: Spec, _ vocabulary: Vocabulary) throws(Diagnostic) {
    func number(_ name: String, _ names: [String], _ line: Int) throws(Diagnostic) -> UInt8 {
      guard let index = names.firstIndex(of: name) else {
        throw Diagnostic(file: spec.file, line: line, message: "the explorer's model knows no \"\(name)\"")
      }
      return UInt8(index)
    }
    for state in spec.states { _ = try number(state.name, vocabulary.states, state.line) }
    for event in spec.events { _ = try number(event.name, vocabulary.events, event.line) }
    var next: [UInt8] = []
    var actions: [[UInt8]] = []
    var guardBits: [UInt8] = []
    for row in spec.rows {
      next.append(try number(row.next, vocabulary.states, row.line))
      var numbers: [UInt8] = []
      for action in row.actions { numbers.append(try number(action, vocabulary.actions, row.line)) }
      actions.append(numbers)
      var bit: UInt8 = 0
      if let name = row.guardName { bit = 1 << (try number(name, vocabulary.guards, row.line)) }
      guardBits.append(bit)
    }
    var timerEvents: [UInt8] = []
    var armedIn = [UInt8](repeating: 0, count: vocabulary.states.count)
    var arms = [UInt8](repeating: 0, count: vocabulary.actions.count)
    var disarms = arms
    for (index, timer) in spec.timers.enumerated() {
      timerEvents.append(try number(timer.event, vocabulary.events, timer.line))
      for name in timer.armedIn {
        armedIn[Int(try number(name, vocabulary.states, timer.line))] |= 1 << index
      }
      for name in timer.armedBy { arms[Int(try number(name, vocabulary.actions, timer.line))] |= 1 << index }
      for name in timer.disarmedBy {
        disarms[Int(try number(name, vocabulary.actions, timer.line))] |= 1 << index
      }
    }
    var pairs: [[(guardBit: UInt8, row: Int)]] = []
    var defaults: [Bool] = []
    for state in vocabulary.states {
      for event in vocabulary.events {
        pairs.append(spec.rowIndices(state: state, event: event).map { (guardBits[$0], $0) })
        defaults.append(spec.defaultRow(state: state, event: event)?.outcome == .ignored)
      }
    }
    self.spec = spec
    self.next = next
    self.actions = actions
    self.timerEvents = timerEvents
    self.armedIn = armedIn
    self.arms = arms
    self.disarms = disarms
    self.vocabulary = vocabulary
    self.eventCount = vocabulary.events.count
    self.pairs = pairs
    self.defaults = defaults
  }

  /// What `event` does in `state` when the guards whose bits are set in `holding` hold.
  func outcome(state: UInt8, event: UInt8, holding: UInt8) -> Outcome {
    let pair = Int(state) * eventCount + Int(event)
    for (guardBit, row) in pairs[pair] where guardBit == 0 || holding & guardBit != 0 { return .row(row) }
    return defaults[pair] ? .ignored : .protocolError
  }

  /// The step as a trace prints it, such as `claim[0]: claiming --decision--> accepted [CLM-6]`.
  func describe(_ outcome: Outcome, actor: String, state: UInt8, event: UInt8) -> String {
    let from = vocabulary.states[Int(state)]
    let name = vocabulary.events[Int(event)]
    switch outcome {
    case .row(let index):
      let row = spec.rows[index]
      return "\(actor): \(from) --\(name)--> \(row.next) [\(row.rule)]"
    case .ignored, .protocolError:
      let rule = spec.defaultRow(state: from, event: name)?.rule ?? "-"
      var note = "ignored"
      if case .protocolError = outcome { note = "protocol error" }
      return "\(actor): \(from) --\(name)--> \(from) [\(rule)] (\(note))"
    }
  }
}
