import Basics

/// How long the silence of a peer of streams is borne (STR-10, TUN-4).
public struct StreamPatience: Hashable, Sendable {
  /// Silence after which the peer counts as missing.
  public var missing: Interval
  /// The same once it was asked for a sign of life because something waits for its acknowledgement.
  public var missingWhenAsked: Interval
  /// Silence after which the session ends.
  public var gone: Interval
  /// Whether the peer also counts as missing when this side has no way to it.
  public var countsOwnOutage: Bool

  public init(missing: Interval, missingWhenAsked: Interval, gone: Interval, countsOwnOutage: Bool) {
    self.missing = missing
    self.missingWhenAsked = missingWhenAsked
    self.gone = gone
    self.countsOwnOutage = countsOwnOutage
  }

  /// Of a session that somebody watches.
  public static let session = StreamPatience(
    missing: NativePlane.deadAfter, missingWhenAsked: NativePlane.deadAfter, gone: .seconds(30),
    countsOwnOutage: false)

  /// Of a tunnel: what is silent is noticed soon, and worth waiting for as long as `window`.
  public static func tunnel(window: Interval) -> StreamPatience {
    StreamPatience(
      missing: .seconds(10), missingWhenAsked: .milliseconds(1_200), gone: max(window, .seconds(10)),
      countsOwnOutage: true)
  }
}
