import SpecCompiler

/// A spec with one thing wrong in its table.
public struct Mutation: Equatable, Sendable {
  /// What was done, as the survivors table names it, such as
  /// `drop armRetry from claiming --retryDue--> claiming`.
  public var name: String
  public var spec: Spec

  /// Every mutation of `spec`'s rows: each row removed, made to do nothing, led to each other state, without its
  /// guard, and without each of its actions.
  public static func all(of spec: Spec) -> [Mutation] {
    var mutations: [Mutation] = []
    for (index, row) in spec.rows.enumerated() {
      func add(_ name: String, _ change: (inout Spec) -> Void) {
        var changed = spec
        change(&changed)
        mutations.append(Mutation(name: name, spec: changed))
      }
      add("remove \(row.title)") { $0.rows.remove(at: index) }
      if row.next != row.state || !row.actions.isEmpty {
        add("empty \(row.title)") {
          $0.rows[index].next = row.state
          $0.rows[index].actions = []
        }
      }
      for state in spec.states where state.name != row.next {
        add("retarget \(row.title) to \(state.name)") { $0.rows[index].next = state.name }
      }
      if row.guardName != nil {
        add("unguard \(row.title)") { $0.rows[index].guardName = nil }
      }
      for action in row.actions {
        add("drop \(action) from \(row.title)") { $0.rows[index].actions.removeAll { $0 == action } }
      }
    }
    return mutations
  }
}

/// What a mutation run found.
public struct MutationReport: Sendable {
  /// How many mutations there were.
  public var mutations = 0
  /// How many each invariant noticed, in the invariants' order of appearance.
  public var noticed: [(invariant: String, count: Int)] = []
  /// Mutations that nothing noticed and that the spec explains.
  public var explained: [String] = []
  /// What is wrong: mutations that nothing noticed and nobody explained, and explanations of what is noticed.
  public var failures: [Diagnostic] = []
}

/// Explores every mutation of both specs with `bounds`, until something notices it.
///
/// `isWanted` may leave mutations out by their names; those count as noticed.
/// - Throws: a diagnostic when a spec uses names that the model does not know.
public func runMutations(
  claim: Spec, decision: Spec, bounds: Bounds, only isWanted: (String) -> Bool = { _ in true }
) throws(Diagnostic) -> MutationReport {
  var report = MutationReport()
  for spec in [claim, decision] {
    var survivors: [String] = []
    for mutation in Mutation.all(of: spec) where isWanted(mutation.name) {
      report.mutations += 1
      let exploration = try Search.explore(
        claim: spec.name == claim.name ? mutation.spec : claim,
        decision: spec.name == claim.name ? decision : mutation.spec, bounds: bounds)
      guard let violation = exploration.violation else {
        survivors.append(mutation.name)
        continue
      }
      if let index = report.noticed.firstIndex(where: { $0.invariant == violation.invariant }) {
        report.noticed[index].count += 1
      } else {
        report.noticed.append((violation.invariant, 1))
      }
    }
    for name in survivors {
      if spec.survivors.contains(where: { $0.mutation == name }) {
        report.explained.append("\(spec.name): \(name)")
      } else {
        report.failures.append(
          Diagnostic(file: spec.file, line: 0, message: "nothing notices the mutation: \(name)"))
      }
    }
    for entry in spec.survivors where !survivors.contains(entry.mutation) {
      report.failures.append(
        Diagnostic(file: spec.file, line: entry.line, message: "no such survivor: \(entry.mutation)"))
    }
  }
  return report
}
