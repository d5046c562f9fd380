/// Takes payload as the host's output accepts it.
public protocol PayloadSink: AnyObject {
  /// Writes as much of `bytes`, the next of the stream, as the output takes now and returns how many that were; the
  /// session keeps the rest and offers it again in `Session.drainPayload`.
  func accept(_ bytes: UnsafeRawBufferPointer) -> Int
  /// From this offset of the stream on bytes go to `place`; nil while all go to `accept`. It may be set by `accept`,
  /// once.
  var placementStart: UInt64? { get }
  /// How many more bytes `place` has room for. It shrinks by no more than what is placed.
  var placementRoom: Int { get }
  /// Puts bytes where they belong, in any order, no byte twice. False when there is no room: they count as never
  /// arrived and are sent again.
  func place(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> Bool
}

extension PayloadSink {
  public var placementStart: UInt64? { nil }
  public var placementRoom: Int { 0 }
  public func place(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> Bool { false }
}
