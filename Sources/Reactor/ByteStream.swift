import Glibc

/// What a read gave.
public enum ReadResult: Hashable, Sendable {
  /// So many bytes (at least one) were stored.
  case bytes(Int)
  /// Nothing now; wait for what `needs` says.
  case wouldBlock
  /// The other side finished in good order; nothing will follow.
  case end
}

/// A connected, non-blocking stream of bytes, plain or TLS.
///
/// The pattern: read until `.wouldBlock`, write until 0, then wait on `descriptor` for what `needs` says. Two
/// things concern TLS alone: who stops reading earlier must look at `hasBufferedInput`, for such bytes make no
/// descriptor readable; and while `hasPendingOutput`, `flush()` has to be called whenever the socket takes more.
/// `StreamWatcher` does all that.
public protocol ByteStream: AnyObject {
  /// The socket, for watching only.
  var descriptor: Int32 { get }
  /// Reads what is there, up to the buffer's size (which should be large: 64 KiB and more).
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamError) -> ReadResult
  /// Takes as many of the bytes as go now and says how many; 0 when it would block (nothing was taken).
  func write(_ bytes: UnsafeRawBufferPointer) throws(StreamError) -> Int
  /// What to wait for by who wants to read, to write, or both; what pending output needs is in it.
  func needs(reading: Bool, writing: Bool) -> IOEvents
  /// Whether bytes are there that were taken from the socket but not yet read.
  var hasBufferedInput: Bool { get }
  /// Whether bytes that `write` took (at most some 150 KiB) still wait for room in the socket.
  var hasPendingOutput: Bool { get }
  /// Called when `hasPendingOutput` becomes true. Belongs to the stream's `StreamWatcher`.
  var onPendingOutput: (() -> Void)? { get set }
  /// Moves pending output on. An error is reported again by the next read or write.
  func flush() throws(StreamError)
  /// Says that nothing more will be written; reading goes on. Best effort, never blocks.
  func finishWriting()
  /// Closes. Cancel watchers first. May be called again without effect.
  func close()
}

/// A TCP or Unix socket as it is.
public final class PlainStream: ByteStream {
  public private(set) var descriptor: Int32

  /// Takes over a connected socket and closes it at the end. It need not be non-blocking.
  public init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close() }

  public var hasBufferedInput: Bool { false }
  public var hasPendingOutput: Bool { false }
  public var onPendingOutput: (() -> Void)? {
    get { nil }
    set {}
  }
  public func flush() throws(StreamError) {}

  public func needs(reading: Bool, writing: Bool) -> IOEvents {
    var events: IOEvents = []
    if reading { events.insert(.readable) }
    if writing { events.insert(.writable) }
    return events
  }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamError) -> ReadResult {
    guard descriptor >= 0 else { throw .closed }
    while true {
      let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
      if count > 0 { return .bytes(count) }
      if count == 0 { return buffer.isEmpty ? .wouldBlock : .end }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      case let code: throw .from("recv", code: code)
      }
    }
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(StreamError) -> Int {
    guard descriptor >= 0 else { throw .closed }
    guard !bytes.isEmpty else { return 0 }
    let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
    while true {
      let count = send(descriptor, bytes.baseAddress, bytes.count, flags)
      if count >= 0 { return count }
      switch errno {
      case EINTR: continue
      case EAGAIN: return 0
      case let code: throw .from("send", code: code)
      }
    }
  }

  public func finishWriting() {
    if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_WR)) }
  }

  public func close() {
    guard descriptor >= 0 else { return }
    Glibc.close(descriptor)
    descriptor = -1
  }
}
