import Basics
import Engine

/// The payload of all runs: a byte is a function of its offset. The period is a prime, so no shift by whole frames
/// or windows goes unseen.
enum PayloadPattern {
  static let period = 131_071

  private static let table: [UInt8] = {
    var generator = SeededGenerator(seed: 0x7061_796C_6F61_64)
    return generator.bytes(period)
  }()

  /// Fills `buffer` with what belongs at `offset`.
  static func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) {
    forEachStretch(offset: offset, count: buffer.count) { position, stretch in
      UnsafeMutableRawBufferPointer(rebasing: buffer[position..<position + stretch.count]).copyMemory(
        from: stretch)
      return true
    }
  }

  /// Whether `bytes` are what belongs at `offset`.
  static func matches(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> Bool {
    var isEqual = true
    forEachStretch(offset: offset, count: bytes.count) { position, stretch in
      isEqual = areEqual(
        UnsafeRawBufferPointer(rebasing: bytes[position..<position + stretch.count]), stretch)
      return isEqual
    }
    return isEqual
  }

  /// Compares word by word, which unoptimized builds do in bearable time, too.
  private static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    var position = 0
    while position + 8 <= left.count {
      let words = (
        left.loadUnaligned(fromByteOffset: position, as: UInt64.self),
        right.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      )
      guard words.0 == words.1 else { return false }
      position += 8
    }
    while position < left.count {
      guard left[position] == right[position] else { return false }
      position += 1
    }
    return true
  }

  private static func forEachStretch(
    offset: UInt64, count: Int, _ body: (Int, UnsafeRawBufferPointer) -> Bool
  ) {
    table.withUnsafeBytes { table in
      var position = 0
      while position < count {
        let start = Int((offset + UInt64(position)) % UInt64(period))
        let length = min(count - position, period - start)
        guard body(position, UnsafeRawBufferPointer(rebasing: table[start..<start + length])) else { return }
        position += length
      }
    }
  }
}

/// Where the payload comes from: everything at once, or a little every now and then.
struct VirtualSource {
  let length: UInt64
  /// Bytes that it gives at a time; nil for as many as are wanted.
  let step: Int?
  private(set) var produced: UInt64 = 0
  private(set) var hasEnded = false
  private var available: Int
  /// The offset of a byte that is not what belongs there: whether that is noticed is for tests to see.
  var damagedByte: UInt64?

  init(length: UInt64, step: Int?) {
    self.length = length
    self.step = step
    available = step ?? .max
  }

  var isExhausted: Bool { produced == length }
  /// Whether it must be waited for before it gives more.
  var isDry: Bool { available == 0 && !isExhausted }

  mutating func refill() { available = step ?? .max }

  mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = Int(min(UInt64(min(buffer.count, available)), length - produced))
    PayloadPattern.fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: produced)
    if let damagedByte, damagedByte >= produced, damagedByte < produced + UInt64(count) {
      buffer[Int(damagedByte - produced)] ^= 1
    }
    produced += UInt64(count)
    if step != nil { available -= count }
    return count
  }

  mutating func end() { hasEnded = true }
}

/// Where the payload goes: checks every byte, and may take only a little at a time.
final class VirtualOutput: PayloadSink {
  /// Bytes that it takes at a time; nil for as many as come.
  let step: Int?
  private(set) var delivered: UInt64 = 0
  /// The offset of the first byte that is not what belongs there.
  private(set) var mismatch: UInt64?
  /// Whether everything was written and closed.
  var isClosed = false
  private var available: Int

  init(step: Int?) {
    self.step = step
    available = step ?? .max
  }

  /// Whether it must be waited for before it takes more.
  var isFull: Bool { available == 0 }

  func refill() { available = step ?? .max }

  func accept(_ bytes: UnsafeRawBufferPointer) -> Int {
    let taken = UnsafeRawBufferPointer(rebasing: bytes.prefix(available))
    if mismatch == nil, isClosed || !PayloadPattern.matches(taken, at: delivered) { mismatch = delivered }
    delivered += UInt64(taken.count)
    if step != nil { available -= taken.count }
    return taken.count
  }
}
