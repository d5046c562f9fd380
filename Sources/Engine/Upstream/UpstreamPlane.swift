import Basics
import Crypto
import Wire

/// What a session speaks with a peer that runs upstream's program, beside the QUIC connection: `specs/upstream.md`.
struct UpstreamPlane {
  /// Who forces the relay has none: it neither tells nor tries addresses.
  var manager: ManagerPath?
  var negotiation: PlaneNegotiation
  let seal: EnvelopeSeal
  /// The last words for the direct way.
  var lastDatagrams: [(bytes: [UInt8], path: DirectPath)] = []
  /// When the decision is sent again: until the control stream of a tunnel has come (UPS-17).
  var decisionAt: Instant?
  var pathChanges: UInt64 = 0

  static let decisionRepetition = Interval.milliseconds(250)

  /// The way that packets take; nil for the relay.
  var active: DirectPath? { manager?.active }
}
