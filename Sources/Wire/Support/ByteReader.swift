import Basics

/// A cursor over borrowed bytes: every read is checked, a read past the end yields nil and moves nothing.
struct ByteReader {
  let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var remaining: Int { bytes.count - offset }

  /// The next `count` bytes, borrowed.
  mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count >= 0, count <= remaining else { return nil }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  /// Everything that is left, borrowed.
  mutating func takeRest() -> UnsafeRawBufferPointer {
    defer { offset = bytes.count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset...])
  }

  /// The next big-endian integer.
  mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> Value? {
    guard let field = take(MemoryLayout<Value>.size) else { return nil }
    return Value(bigEndian: field.loadUnaligned(as: Value.self))
  }

  mutating func bytes32() -> Bytes32? { take(Bytes32.count).map { Bytes32(loading: $0) } }

  mutating func bytes16() -> Bytes16? { take(Bytes16.count).flatMap { Bytes16($0) } }
}

extension Array<UInt8> {
  /// Appends an integer in network byte order.
  mutating func append(bigEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }

  /// Lends the bytes to `body`, keeping its typed error.
  func lend<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeBufferPointer { (buffer) throws(Failure) -> Result in
      try body(UnsafeRawBufferPointer(buffer))
    }
  }
}
