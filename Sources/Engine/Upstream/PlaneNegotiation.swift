import Basics
import Wire

/// Upstream's choice between the relay and raw sockets, `v2_data_plane_ready`: both phases are answered, and raw sockets
/// are never chosen, for there is no way back from them (UPS-4).
///
/// An exchange of upstream's ends when it has seen the other side's message, and fails when it does not come for 5 s.
/// So each side goes on answering repetitions after it has seen everything itself.
struct PlaneNegotiation {
  enum Phase: Hashable {
    case candidates
    case selection
    case settled
  }

  static let repetition = Interval.milliseconds(250)
  /// How long the other side may say nothing in a phase; then this one goes on without it, for it may force the relay.
  static let patience = Interval.seconds(5)
  /// Repetitions of the other side are answered no more often than this.
  static let leastPause = Interval.milliseconds(100)

  private(set) var phase = Phase.candidates
  private var sendAt: Instant?
  private var phaseEndsAt: Instant
  private var due: [String] = []
  private var answeredAt: Instant?

  init(at now: Instant) {
    sendAt = now
    phaseEndsAt = now + Self.patience
  }

  /// When `handleTimeout` or `poll` has something to do.
  var deadline: Instant? {
    guard phase != .settled else { return nil }
    return sendAt.map { min($0, phaseEndsAt) } ?? phaseEndsAt
  }

  /// Takes a message of the other side.
  mutating func receive(_ ready: DataPlaneReady, at now: Instant) {
    guard ready.protocolName == TransferClaim.protocolName else { return }
    switch (ready.phase, phase) {
    case (DataPlaneReady.candidatesPhase, .candidates), ("", .candidates):
      due = [DataPlaneReady.candidatesPhase, DataPlaneReady.selectionPhase]
      enter(.selection, at: now)
    case (DataPlaneReady.selectionPhase, .candidates), (DataPlaneReady.selectionPhase, .selection):
      // Whoever selects has seen our candidates.
      due = [DataPlaneReady.selectionPhase]
      enter(.settled, at: now)
    case (DataPlaneReady.candidatesPhase, _), ("", _): answer(DataPlaneReady.candidatesPhase, at: now)
    case (DataPlaneReady.selectionPhase, .settled): answer(DataPlaneReady.selectionPhase, at: now)
    default: break
    }
  }

  private mutating func answer(_ text: String, at now: Instant) {
    if let answeredAt, now - answeredAt < Self.leastPause { return }
    answeredAt = now
    due.append(text)
  }

  private mutating func enter(_ next: Phase, at now: Instant) {
    phase = next
    sendAt = next == .settled ? nil : now + Self.repetition
    phaseEndsAt = now + Self.patience
  }

  mutating func handleTimeout(at now: Instant) {
    guard phase != .settled else { return }
    if phaseEndsAt <= now { return enter(.settled, at: now) }
    if let sendAt, sendAt <= now {
      due.append(phase == .candidates ? DataPlaneReady.candidatesPhase : DataPlaneReady.selectionPhase)
      self.sendAt = now + Self.repetition
    }
  }

  /// The messages to send now.
  mutating func takeDue() -> [DataPlaneReady] {
    guard !due.isEmpty else { return [] }
    defer { due.removeAll() }
    return due.map { DataPlaneReady(phase: $0) }
  }
}
