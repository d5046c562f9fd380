import Glibc

/// What a read gave.
public enum ReadResult: Hashable, Sendable {
  /// So many bytes (at least one) were stored.
  case bytes(Int)
  /// Nothing now; wait for `readNeeds`.
  case wouldBlock
  /// The other side finished in good order; nothing will follow.
  case end
}

/// A connected, non-blocking stream of bytes, plain or TLS.
///
/// The pattern: read until `.wouldBlock`, then wait for `readNeeds` on `descriptor`; write until 0, then wait
/// for `writeNeeds`. Who stops reading earlier must look at `hasBufferedInput`, for such bytes make no
/// descriptor readable. `StreamWatcher` does all that.
public protocol ByteStream: AnyObject {
  /// The socket, for watching only.
  var descriptor: Int32 { get }
  /// Reads what is there, up to the buffer's size (which should be large: 64 KiB and more).
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamError) -> ReadResult
  /// Writes as much as goes now and says how much that was; 0 when it would block. After 0 the TLS stream has
  /// to be given the same bytes again, in a buffer that starts alike (it may be longer or elsewhere).
  func write(_ bytes: UnsafeRawBufferPointer) throws(StreamError) -> Int
  /// What to wait for after `.wouldBlock`; `.readable` except while TLS has to write first.
  var readNeeds: IOEvents { get }
  /// What to wait for after a write of 0; `.writable` except while TLS has to read first.
  var writeNeeds: IOEvents { get }
  /// Whether bytes are there that were taken from the socket but not yet read.
  var hasBufferedInput: Bool { get }
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

  public var readNeeds: IOEvents { .readable }
  public var writeNeeds: IOEvents { .writable }
  public var hasBufferedInput: Bool { false }

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
