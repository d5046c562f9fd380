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
  try report.add(claim, only: isWanted) { spec throws(Diagnostic) in
    try Search.explore(claim: spec, decision: decision, bounds: bounds)
  }
  try report.add(decision, only: isWanted) { spec throws(Diagnostic) in
    try Search.explore(claim: claim, decision: spec, bounds: bounds)
  }
  return report
}

/// Explores every mutation of `probing` likewise.
///
/// - Throws: a diagnostic when the spec uses names that the model does not know.
public func runMutations(probing: Spec) throws(Diagnostic) -> MutationReport {
  var report = MutationReport()
  try report.add(probing) { spec throws(Diagnostic) in try Search.explore(probing: spec) }
  return report
}

/// Explores every mutation of `rate` likewise.
///
/// - Throws: a diagnostic when the spec uses names that the model does not know.
public func runMutations(rate: Spec) throws(Diagnostic) -> MutationReport {
  var report = MutationReport()
  try report.add(rate) { spec throws(Diagnostic) in try Search.explore(rate: spec) }
  return report
}

/// Explores every mutation of `tunnel` likewise.
///
/// - Throws: a diagnostic when the spec uses names that the model does not know.
public func runMutations(tunnel: Spec) throws(Diagnostic) -> MutationReport {
  var report = MutationReport()
  try report.add(tunnel) { spec throws(Diagnostic) in try Search.explore(tunnel: spec) }
  return report
}

/// Explores every mutation of `repair` likewise.
///
/// - Throws: a diagnostic when the spec uses names that the model does not know.
public func runMutations(repair: Spec) throws(Diagnostic) -> MutationReport {
  var report = MutationReport()
  try report.add(repair) { spec throws(Diagnostic) in try Search.explore(repair: spec) }
  return report
}

/// Explores every mutation of `promotion` with `pairs` pairs, likewise.
///
/// - Throws: a diagnostic when the spec uses names that the model does not know.
public func runMutations(promotion: Spec, pairs: Int = 2) throws(Diagnostic) -> MutationReport {
  var report = MutationReport()
  try report.add(promotion) { spec throws(Diagnostic) in try Search.explore(promotion: spec, pairs: pairs) }
  return report
}

extension MutationReport {
  /// Explores the mutations of `spec` and holds what survives against its table of survivors.
  fileprivate mutating func add(
    _ spec: Spec, only isWanted: (String) -> Bool = { _ in true },
    exploring explore: (Spec) throws(Diagnostic) -> Exploration
  ) throws(Diagnostic) {
    var survivors: [String] = []
    for mutation in Mutation.all(of: spec) where isWanted(mutation.name) {
      mutations += 1
      guard let violation = try explore(mutation.spec).violation else {
        survivors.append(mutation.name)
        continue
      }
      if let index = noticed.firstIndex(where: { $0.invariant == violation.invariant }) {
        noticed[index].count += 1
      } else {
        noticed.append((violation.invariant, 1))
      }
    }
    for name in survivors {
      if spec.survivors.contains(where: { $0.mutation == name }) {
        explained.append("\(spec.name): \(name)")
      } else {
        failures.append(
          Diagnostic(file: spec.file, line: 0, message: "nothing notices the mutation: \(name)"))
      }
    }
    for entry in spec.survivors where !survivors.contains(entry.mutation) {
      failures.append(
        Diagnostic(file: spec.file, line: entry.line, message: "no such survivor: \(entry.mutation)"))
    }
  }
}
