/// A sequence space of the native plane: packet numbers, acknowledgements and keys of one lane are its own, the
/// offsets of the payload are common to both.
public enum Lane: UInt8, CaseIterable, Sendable {
  /// Frames that travel through the relay.
  case relay = 0
  /// Frames that travel as UDP datagrams from peer to peer, whichever direct path that is.
  case direct = 1

  /// The other lane.
  @inlinable
  public var other: Lane { self == .relay ? .direct : .relay }
}
