/// Where the bytes come from that a session sends. Everything happens on the loop's thread.
public protocol PayloadSource: AnyObject {
  /// Set by the host: is called when `read` may have something again.
  var readable: () -> Void { get set }
  /// Set by the host: whether `readable` is wanted.
  var wantsRead: Bool { get set }
  /// Fills a part of `buffer` without blocking for long. `.end` ends the stream for good.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> ReadResult
}

/// Where the bytes go that a session receives. Everything happens on the loop's thread.
public protocol PayloadOutput: AnyObject {
  /// Set by the host: is called when `write` or `place` may take something again.
  var writable: () -> Void { get set }
  /// Set by the host: whether `writable` is wanted.
  var wantsWrite: Bool { get set }
  /// Takes the next bytes of the stream and returns how many; when those are not all, the rest is offered again
  /// after `writable`.
  func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int
  /// From this offset of the stream on bytes come through `place`, in any order; nil while all come in order. It is
  /// set while `write` runs and never changes afterwards. Bytes below it come through `write`.
  var placementStart: UInt64? { get }
  /// Takes bytes that belong at `offset` of the stream; false when there is no room for them now. No byte comes
  /// twice.
  func place(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) -> Bool
  /// How many more bytes `place` has room for. It shrinks by no more than what is placed; when it grows `writable` is
  /// called, if wanted. It bounds what the peer may send.
  var room: Int { get }
  /// Nothing more comes for the moment: what was collected to be written in one step may go.
  func flush() throws(FileError)
  /// Every byte has been handed over: makes them final, then calls `done` once, at once or later.
  func finish(_ done: @escaping (Result<Void, FileError>) -> Void)
}

extension PayloadOutput {
  public var placementStart: UInt64? { nil }
  public func place(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) -> Bool { false }
  public var room: Int { 0 }
  public func flush() throws(FileError) {}
}
