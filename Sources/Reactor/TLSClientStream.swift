import CCurl
import CGnuTLS
import Glibc

/// The client's end of a TLS connection that libcurl made. libcurl keeps owning socket and session, but bytes
/// go past it.
final class TLSClientStream: ByteStream {
  private var transfer: CurlTransfer?
  private let session: TLSSession

  init(_ transfer: CurlTransfer, _ raw: OpaquePointer, descriptor: Int32) {
    self.transfer = transfer
    session = TLSSession(raw, descriptor: descriptor, established: true)
  }

  deinit { close() }

  var descriptor: Int32 { session.descriptor }
  var hasBufferedInput: Bool { transfer != nil && session.hasBufferedInput }
  var hasPendingOutput: Bool { session.hasPendingOutput }
  var onPendingOutput: (() -> Void)? {
    get { session.onPendingOutput }
    set { session.onPendingOutput = newValue }
  }
  func needs(reading: Bool, writing: Bool) -> IOEvents { session.needs(reading: reading, writing: writing) }
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamError) -> ReadResult {
    try session.read(into: buffer)
  }
  func write(_ bytes: UnsafeRawBufferPointer) throws(StreamError) -> Int { try session.write(bytes) }
  func flush() throws(StreamError) { try session.flush() }
  func finishWriting() { session.finishWriting() }

  func close() {
    guard transfer != nil else { return }
    session.detach()
    // libcurl says goodbye once more, into the session's memory, then closes socket and session.
    transfer = nil
  }
}

/// A connection whose bytes only libcurl can move, because it is TLS inside the TLS of a proxy. Slower, rare.
final class CurlStream: ByteStream {
  private var transfer: CurlTransfer?
  private(set) var descriptor: Int32

  init(_ transfer: CurlTransfer, descriptor: Int32) {
    self.transfer = transfer
    self.descriptor = descriptor
  }

  deinit { close() }

  // libcurl does not say what its layers hold, so its user is asked to read until `.wouldBlock`.
  private(set) var hasBufferedInput = false
  var hasPendingOutput: Bool { false }
  var onPendingOutput: (() -> Void)? {
    get { nil }
    set {}
  }
  func flush() throws(StreamError) {}
  func needs(reading: Bool, writing: Bool) -> IOEvents {
    var events: IOEvents = []
    if reading { events.insert(.readable) }
    if writing { events.insert(.writable) }
    return events
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamError) -> ReadResult {
    guard let transfer else { throw .closed }
    var filled = 0
    while filled < buffer.count {
      var count = 0
      let code = curl_easy_recv(
        transfer.easy, buffer.baseAddress.map { $0 + filled }, buffer.count - filled, &count)
      if code == CURLE_OK, count > 0 {
        filled += count
        continue
      }
      hasBufferedInput = false
      if code == CURLE_OK { return filled > 0 ? .bytes(filled) : .end }
      if code == CURLE_AGAIN { return filled > 0 ? .bytes(filled) : .wouldBlock }
      if filled > 0 { return .bytes(filled) }
      throw code == CURLE_RECV_ERROR ? .reset : .tls(transfer.text(of: code))
    }
    hasBufferedInput = filled > 0
    return filled > 0 ? .bytes(filled) : .wouldBlock
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(StreamError) -> Int {
    guard let transfer else { throw .closed }
    var taken = 0
    while taken < bytes.count {
      var count = 0
      let code = curl_easy_send(
        transfer.easy, bytes.baseAddress.map { $0 + taken }, bytes.count - taken, &count)
      if code == CURLE_OK, count > 0 {
        taken += count
        continue
      }
      if code == CURLE_OK || code == CURLE_AGAIN { return taken }
      throw code == CURLE_SEND_ERROR ? .reset : .tls(transfer.text(of: code))
    }
    return taken
  }

  func finishWriting() {
    // libcurl has no half close of a TLS connection; the other side sees the end when it is closed.
  }

  func close() {
    transfer = nil
    descriptor = -1
  }
}
