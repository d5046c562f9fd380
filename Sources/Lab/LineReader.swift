import Glibc
import Reactor

/// Lines from a pipe as they come.
final class LineReader {
  private let descriptor: Int32
  private var watcher: IOWatcher?
  private var rest: [UInt8] = []
  private let handler: (String?) -> Void

  /// Calls `handler` with each line, and with nil at the end. Owns the descriptor.
  init(_ loop: EventLoop, _ descriptor: Int32, _ handler: @escaping (String?) -> Void) {
    self.descriptor = descriptor
    self.handler = handler
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    watcher = loop.watch(descriptor) { [unowned self] _ in receive() }
    watcher?.interest = .readable
  }

  deinit {
    watcher?.cancel()
    close(descriptor)
  }

  /// Calls nobody any more.
  func cancel() { watcher?.cancel() }

  private func receive() {
    var buffer = [UInt8](repeating: 0, count: 16_384)
    let count = read(descriptor, &buffer, buffer.count)
    if count < 0 { return }
    if count == 0 {
      watcher?.cancel()
      return handler(nil)
    }
    rest += buffer[..<count]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      let line = String(decoding: rest[..<end], as: UTF8.self)
      rest.removeSubrange(...end)
      handler(line)
    }
  }
}

extension String {
  /// The text of a member of an object on one line, as `derphole --json` writes it: no spaces, and nothing but
  /// quotes and backslashes is escaped in what the lab looks at. Nil when there is no such text.
  func jsonMember(_ name: String) -> String? {
    let key = "\"\(name)\":\""
    guard let start = utf8Offset(of: key) else { return nil }
    var result: [UInt8] = []
    var isEscaped = false
    for byte in utf8.dropFirst(start) {
      if isEscaped {
        result.append(byte)
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: "\"") {
        return String(decoding: result, as: UTF8.self)
      } else {
        result.append(byte)
      }
    }
    return nil
  }

  /// The number that is a member of an object, as JSON without spaces or with one after the colon writes it; nil
  /// when there is none.
  func jsonNumber(_ name: String) -> Double? {
    guard let start = utf8Offset(of: "\"\(name)\":") else { return nil }
    let rest = utf8.dropFirst(start).drop { $0 == 0x20 || $0 == 0x09 }
    let digits = rest.prefix { (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains($0) }
    return Double(String(decoding: digits, as: UTF8.self))
  }

  /// How many bytes stand before the end of the first `key`.
  private func utf8Offset(of key: String) -> Int? {
    let text = Array(utf8)
    let wanted = Array(key.utf8)
    guard text.count >= wanted.count else { return nil }
    return (0...(text.count - wanted.count)).first { text[$0..<$0 + wanted.count].elementsEqual(wanted) }
      .map { $0 + wanted.count }
  }
}
