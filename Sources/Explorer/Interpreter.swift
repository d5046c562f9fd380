import SpecCompiler

/// Takes the rows of one machine's table, and remembers which were taken and what was broken first.
struct Interpreter {
  let table: MachineTable
  /// The invariant that a protocol error breaks.
  let errorInvariant: String
  private(set) var broken: (invariant: String, reason: String)?
  /// The machine steps of the current transition, written only when `isTracing`.
  private(set) var steps: [String] = []
  private var isTracing = false
  private var rowsTaken: [Bool]

  /// - Throws: a diagnostic when the spec uses a name that the model does not know.
  init(_ spec: Spec, _ vocabulary: Vocabulary, errorInvariant: String) throws(Diagnostic) {
    table = try MachineTable(spec, vocabulary)
    self.errorInvariant = errorInvariant
    rowsTaken = [Bool](repeating: false, count: spec.rows.count)
  }

  mutating func fail(_ invariant: String, _ reason: @autoclosure () -> String) {
    if broken == nil { broken = (invariant, reason()) }
  }

  mutating func startTracing() {
    isTracing = true
    steps = []
  }

  /// The row that `event` takes, or nil when it is ignored or an error, which is noted.
  mutating func row(state: UInt8, event: UInt8, holding: UInt8) -> Int? {
    let outcome = table.outcome(state: state, event: event, holding: holding)
    if isTracing {
      steps.append(table.describe(outcome, actor: table.spec.name, state: state, event: event))
    }
    switch outcome {
    case .row(let row):
      rowsTaken[row] = true
      return row
    case .ignored: return nil
    case .protocolError:
      fail(errorInvariant, "protocol error")
      return nil
    }
  }

  var rowsNotTaken: [String] {
    zip(table.spec.rows, rowsTaken).filter { !$0.1 }.map { "\(table.spec.name): \($0.0.title)" }
  }
}

/// Fields of a few bits in a word.
extension UInt64 {
  subscript(_ offset: UInt64, _ width: UInt64) -> UInt8 {
    get { UInt8(truncatingIfNeeded: self >> offset & (1 << width - 1)) }
    set {
      let mask: UInt64 = (1 << width - 1) << offset
      self = self & ~mask | UInt64(newValue) << offset & mask
    }
  }

  subscript(flag offset: UInt64) -> Bool {
    get { self >> offset & 1 == 1 }
    set { self[offset, 1] = newValue ? 1 : 0 }
  }
}
