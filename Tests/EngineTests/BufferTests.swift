import Testing

@testable import Engine

@Suite("Send and receive buffers")
struct BufferTests {
  private func pattern(_ range: Range<UInt64>) -> [UInt8] {
    range.map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
  }

  @Test("What goes in comes out at its offset, where blocks meet, too")
  func sendBlocks() {
    var buffer = SendBuffer(capacity: 16, blockSize: 8)
    var read: UInt64 = 0
    for step in 0..<100 {
      let start = buffer.end
      let added = buffer.append(limit: 5) { space in
        let bytes = pattern(start..<start + UInt64(min(space.count, 5)))
        space.copyBytes(from: bytes)
        return bytes.count
      }
      #expect(added == min(5, 8 - Int(start % 8)))
      let end = buffer.end
      while read < end {
        let length = min(3, Int(end - read))
        let (first, second) = buffer.bytes(at: read, length: length)
        #expect(Array(first) + Array(second) == pattern(read..<read + UInt64(length)), "step \(step)")
        read += UInt64(length)
      }
      buffer.release(below: read)
      let free = buffer.freeSpace
      #expect(free == 16)
    }
  }

  @Test("A full buffer takes nothing more until something is released")
  func sendBufferIsBounded() {
    var buffer = SendBuffer(capacity: 8, blockSize: 16)
    var taken = [buffer.append(limit: 100) { $0.count }, buffer.append(limit: 100) { $0.count }]
    #expect(taken == [8, 0])
    buffer.release(below: 3)
    taken = [buffer.freeSpace, buffer.append(limit: 100) { $0.count }, buffer.freeSpace]
    #expect(taken == [3, 3, 0])
    buffer.release(below: 2)
    let base = buffer.base
    #expect(base == 3)
  }

  @Test("Pieces that arrive in any order, doubled and overlapping, come out in order")
  func receiveBlocks() {
    var buffer = ReceiveBuffer(blockSize: 8)
    var next: UInt64 = 0
    for base in stride(from: UInt64(0), to: 3_200, by: 32) {
      for (offset, length) in [(20, 12), (4, 8), (4, 10), (0, 4), (14, 6), (12, 3)] as [(UInt64, UInt64)] {
        let range = base + offset..<base + offset + length
        pattern(range).withUnsafeBytes { buffer.store($0, at: range.lowerBound) }
      }
      while true {
        let piece = buffer.contiguous(from: next)
        guard !piece.isEmpty else { break }
        #expect(Array(piece) == pattern(next..<next + UInt64(piece.count)))
        next += UInt64(piece.count)
        buffer.release(below: next)
      }
      #expect(next == base + 32)
      let isEmpty = buffer.isEmpty
      #expect(isEmpty)
    }
  }

  @Test("Nothing comes out while the next byte is missing")
  func receiveGap() {
    var buffer = ReceiveBuffer()
    pattern(5..<9).withUnsafeBytes { buffer.store($0, at: 5) }
    let counts = [0, 5, 7].map { buffer.contiguous(from: $0).count }
    #expect(counts == [0, 4, 2])
  }
}
