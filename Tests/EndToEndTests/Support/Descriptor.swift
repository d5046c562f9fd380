import Foundation

/// An open file descriptor that is closed once.
final class Descriptor: @unchecked Sendable {
  private let state: Mailbox<Int32?>

  init(_ number: Int32) { state = Mailbox(number) }

  deinit { close() }

  /// Opens a file; children do not inherit it.
  convenience init(opening path: String, _ flags: Int32) throws {
    let number = open(path, flags | O_CLOEXEC, 0o600)
    guard number >= 0 else { throw TestFailure("open \(path): \(String(cString: strerror(errno)))") }
    self.init(number)
  }

  /// The two ends of a pipe; children do not inherit them.
  static func pipe() throws -> (read: Descriptor, write: Descriptor) {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else { throw TestFailure("pipe: \(String(cString: strerror(errno)))") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (Descriptor(ends[0]), Descriptor(ends[1]))
  }

  var number: Int32 { state.current ?? -1 }

  func close() {
    state.update { number in
      if let open = number { _ = Glibc.close(open) }
      number = nil
    }
  }

  /// Writes everything; false when the other end is gone.
  @discardableResult
  func write(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
      if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { return false }
    }
    return true
  }

  /// Up to `limit` bytes; nil at the end.
  func read(_ limit: Int) -> [UInt8]? {
    var result = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      repeat {
        result = Glibc.read(number, buffer.baseAddress, limit)
      } while result < 0 && errno == EINTR
      count = max(0, result)
    }
    return result > 0 ? bytes : nil
  }

  /// Exactly `count` bytes, or what there is when the end comes first.
  func read(exactly count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count, let more = read(count - bytes.count) { bytes += more }
    return bytes
  }

  /// Everything up to the end.
  func readToEnd() -> [UInt8] {
    var bytes: [UInt8] = []
    while let more = read(1 << 20) { bytes += more }
    return bytes
  }
}
