import Basics
import Wire

/// Tells the peer our candidates and takes the peer's, reliably: an update is repeated until it is acknowledged, and
/// a later one replaces an earlier one.
///
/// Updates travel sealed through the relay, so the relay's operator learns no addresses.
struct CandidateExchange {
  /// The first repetition; each further one after twice the time.
  static let firstRepetition = Interval.milliseconds(300)
  static let longestRepetition = Interval.seconds(4)

  private var sequence: UInt32 = 0
  private var content: CandidateUpdate?
  private var isAcknowledged = true
  private var dueAt: Instant?
  private var interval = CandidateExchange.firstRepetition
  private var acknowledgementDue: UInt32?
  private var lastTaken: UInt32 = 0

  /// When something is to be sent; nil when nothing is.
  var deadline: Instant? { acknowledgementDue != nil ? .zero : dueAt }

  /// Sends these candidates unless they are what was sent last.
  mutating func offer(_ update: CandidateUpdate, at now: Instant) {
    var compared = update
    compared.sequence = sequence
    guard compared != content || update.wantsProbes else { return }
    sequence += 1
    compared.sequence = sequence
    content = compared
    isAcknowledged = false
    interval = Self.firstRepetition
    dueAt = now
  }

  /// The update that is due, if any.
  mutating func update(at now: Instant) -> CandidateUpdate? {
    guard !isAcknowledged, let content, let dueAt, dueAt <= now else { return nil }
    self.dueAt = now + interval
    interval = min(interval * 2, Self.longestRepetition)
    return content
  }

  /// The acknowledgement that is due, if any.
  mutating func acknowledgement() -> UInt32? {
    defer { acknowledgementDue = nil }
    return acknowledgementDue
  }

  mutating func acknowledged(_ acknowledged: UInt32) {
    guard acknowledged == sequence else { return }
    isAcknowledged = true
    dueAt = nil
  }

  /// Takes an update of the peer; false when it is a repetition or outdated.
  mutating func receive(_ update: CandidateUpdate) -> Bool {
    acknowledgementDue = update.sequence
    guard update.sequence > lastTaken else { return false }
    lastTaken = update.sequence
    return true
  }
}
