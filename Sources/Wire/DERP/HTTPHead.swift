/// Start line and header lines of an HTTP/1 message, borrowed from the bytes they were read from.
struct HTTPHead {
  /// The most header lines that are read.
  static let maximumHeaderCount = 100

  let startLine: Slice<UnsafeRawBufferPointer>
  let headers: [(name: Slice<UnsafeRawBufferPointer>, value: Slice<UnsafeRawBufferPointer>)]
  /// Bytes of the head, the blank line included.
  let length: Int

  /// Nil while the blank line is missing. A line may end with a bare line feed (RFC 9112, section 2.2).
  static func parse(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(DERPUpgradeError) -> HTTPHead? {
    var startLine: Slice<UnsafeRawBufferPointer>?
    var headers: [(name: Slice<UnsafeRawBufferPointer>, value: Slice<UnsafeRawBufferPointer>)] = []
    let window = bytes.prefix(limit)
    var start = 0
    while let end = window[start...].firstIndex(of: 0x0A) {
      let line = window[start..<(end > start && window[end - 1] == 0x0D ? end - 1 : end)]
      start = end + 1
      guard let first = startLine else {
        guard !line.isEmpty else { throw .malformed }
        startLine = line
        continue
      }
      if line.isEmpty { return HTTPHead(startLine: first, headers: headers, length: start) }
      guard headers.count < maximumHeaderCount else { throw .tooLong }
      headers.append(try header(line))
    }
    guard bytes.count < limit else { throw .tooLong }
    return nil
  }

  /// Splits a header line (RFC 9112, section 5): no blank before the colon, none kept around the value. Lines
  /// folded over several are refused.
  private static func header(
    _ line: Slice<UnsafeRawBufferPointer>
  ) throws(DERPUpgradeError) -> (name: Slice<UnsafeRawBufferPointer>, value: Slice<UnsafeRawBufferPointer>) {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
      line[..<colon].allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { throw .malformed }
    var value = line[(colon + 1)...]
    value = value.drop(while: isBlank)
    while let last = value.last, isBlank(last) { value.removeLast() }
    guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { throw .malformed }
    return (line[..<colon], value)
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
