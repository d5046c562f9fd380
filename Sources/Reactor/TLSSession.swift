import CGnuTLS
import Glibc

/// A GnuTLS session on a non-blocking socket, either role.
///
/// GnuTLS asks the socket twice a record and writes once a record (16 KiB at most). Here it reads and writes
/// memory instead: the socket is read in large steps, and a batch of records leaves in one call.
final class TLSSession {
  /// The library's session. Made and freed by the owner, which keeps this object alive meanwhile.
  let raw: OpaquePointer
  private(set) var descriptor: Int32
  private var inbound = ByteQueue()
  private var outbound = ByteQueue()
  private var isEstablished: Bool
  private var isFinished = false
  private var socketAtEnd = false
  private var failure: StreamError?
  var onPendingOutput: (() -> Void)?

  /// How much is asked of the socket at once: four full records.
  private static let inboundStep = 4 * 16_640
  /// How much plaintext becomes one write: eight full records.
  private static let outboundStep = 8 * 16_384
  private static let outboundRoom = 8 * 16_640

  /// Attaches to a session: sets its transport functions. `established` when the handshake is done already.
  init(_ raw: OpaquePointer, descriptor: Int32, established: Bool) {
    self.raw = raw
    self.descriptor = descriptor
    isEstablished = established
    gnutls_transport_set_ptr(raw, Unmanaged.passUnretained(self).toOpaque())
    gnutls_transport_set_pull_function(raw) { context, data, count in
      guard let context, let data else { return -1 }
      return Unmanaged<TLSSession>.fromOpaque(context).takeUnretainedValue().pull(data, count)
    }
    gnutls_transport_set_push_function(raw) { context, data, count in
      guard let context, let data else { return -1 }
      return Unmanaged<TLSSession>.fromOpaque(context).takeUnretainedValue().push(data, count)
    }
    // Consulted only where GnuTLS would block, which a non-blocking session never does.
    gnutls_transport_set_pull_timeout_function(raw) { _, _ in 1 }
  }

  var hasBufferedInput: Bool { !inbound.isEmpty || gnutls_record_check_pending(raw) > 0 }
  var hasPendingOutput: Bool { failure == nil && !outbound.isEmpty }

  func needs(reading: Bool, writing: Bool) -> IOEvents {
    var events: IOEvents = []
    if hasPendingOutput { events.insert(.writable) }
    if reading { events.insert(.readable) }
    // A handshake waits for the other side; its own messages are pending output.
    if writing { events.insert(isEstablished ? .writable : .readable) }
    return events
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamError) -> ReadResult {
    guard try establish() else { return .wouldBlock }
    defer { inbound.releaseIfEmpty() }
    var filled = 0
    while filled < buffer.count {
      let queued = inbound.count
      let count = gnutls_record_recv(raw, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
      if count > 0 {
        filled += count
        continue
      }
      if count == 0 { return filled > 0 ? .bytes(filled) : .end }
      switch Int32(count) {
      case GNUTLS_E_INTERRUPTED, GNUTLS_E_WARNING_ALERT_RECEIVED: continue
      case GNUTLS_E_AGAIN:
        // After a message of TLS itself (a ticket, a key update) GnuTLS says so even when more is queued.
        if !inbound.isEmpty, inbound.count < queued { continue }
        try flush()
        return filled > 0 ? .bytes(filled) : .wouldBlock
      case let code:
        failure = error(code)
        if filled > 0 { return .bytes(filled) }
        throw error(code)
      }
    }
    return filled > 0 ? .bytes(filled) : .wouldBlock
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(StreamError) -> Int {
    guard try establish() else { return 0 }
    try flush()
    var taken = 0
    while taken < bytes.count, outbound.isEmpty {
      let limit = min(bytes.count, taken + Self.outboundStep)
      while taken < limit {
        let count = gnutls_record_send(raw, bytes.baseAddress.map { $0 + taken }, limit - taken)
        if count == Int(GNUTLS_E_INTERRUPTED) { continue }
        guard count > 0 else { throw fail(error(Int32(count))) }
        taken += count
      }
      try flush()
    }
    return taken
  }

  func flush() throws(StreamError) {
    if let failure { throw failure }
    guard !outbound.isEmpty else { return }
    while !outbound.isEmpty {
      let bytes = outbound.bytes
      let count = send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
      if count >= 0 {
        outbound.drop(count)
      } else if errno == EAGAIN {
        onPendingOutput?()
        return
      } else if errno != EINTR {
        throw fail(.from("send", code: errno))
      }
    }
    outbound.releaseIfEmpty()
  }

  /// Says goodbye once: nothing will be written after it.
  func finishWriting() {
    guard isEstablished, !isFinished, failure == nil else { return }
    isFinished = true
    gnutls_bye(raw, GNUTLS_SHUT_WR)
    try? flush()
  }

  /// Goodbye if it goes without waiting, then no more use of the descriptor.
  func detach() {
    finishWriting()
    descriptor = -1
    failure = .closed
    onPendingOutput = nil
  }

  /// Drives the handshake; true when it is done.
  private func establish() throws(StreamError) -> Bool {
    if let failure { throw failure }
    guard !isEstablished else { return true }
    while true {
      let status = gnutls_handshake(raw)
      switch status {
      case GNUTLS_E_SUCCESS:
        isEstablished = true
        try flush()
        return true
      case GNUTLS_E_AGAIN:
        try flush()
        return false
      case GNUTLS_E_INTERRUPTED, GNUTLS_E_WARNING_ALERT_RECEIVED: continue
      default:
        let reason = error(status)
        gnutls_alert_send_appropriate(raw, status)
        try? flush()
        throw fail(reason)
      }
    }
  }

  private func fail(_ error: StreamError) -> StreamError {
    failure = error
    return error
  }

  private func error(_ code: Int32) -> StreamError {
    switch code {
    case GNUTLS_E_PREMATURE_TERMINATION, GNUTLS_E_PUSH_ERROR: return .reset
    case GNUTLS_E_PULL_ERROR: return failure ?? .reset
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
      let name = gnutls_alert_get_name(gnutls_alert_get(raw)).map { String(cString: $0) } ?? "unknown"
      return .tls("the other side says: \(name)")
    default: return .tls(String(cString: gnutls_strerror(code)))
    }
  }

  // MARK: What GnuTLS calls

  private func pull(_ data: UnsafeMutableRawPointer, _ count: Int) -> Int {
    if inbound.isEmpty {
      if socketAtEnd { return 0 }
      let room = inbound.reserve(Self.inboundStep)
      while true {
        let received = recv(descriptor, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
        if received > 0 {
          inbound.commit(received)
          break
        }
        if received == 0 {
          socketAtEnd = true
          return 0
        }
        let code = errno
        if code == EINTR { continue }
        if code != EAGAIN { failure = .from("recv", code: code) }
        gnutls_transport_set_errno(raw, code)
        return -1
      }
    }
    let given = min(count, inbound.count)
    UnsafeMutableRawBufferPointer(start: data, count: given)
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: inbound.bytes[..<given]))
    inbound.drop(given)
    return given
  }

  private func push(_ data: UnsafeRawPointer, _ count: Int) -> Int {
    let room = outbound.reserve(outbound.isEmpty ? max(count, Self.outboundRoom) : count)
    room.copyMemory(from: UnsafeRawBufferPointer(start: data, count: count))
    outbound.commit(count)
    return count
  }
}
