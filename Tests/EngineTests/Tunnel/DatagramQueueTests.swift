import Basics
import Testing

@testable import Engine

@Suite("Queue of datagrams")
struct DatagramQueueTests {
  private func append(_ bytes: [UInt8], to queue: inout DatagramQueue) -> Bool {
    bytes.withUnsafeBytes { queue.append($0) }
  }

  private func take(_ queue: inout DatagramQueue) -> [UInt8]? {
    guard let first = queue.first.map({ Array($0) }) else { return nil }
    queue.removeFirst()
    return first
  }

  @Test("DGR-3: it holds so many datagrams and so many bytes, and refuses what comes last")
  func bounds() {
    var few = DatagramQueue(limit: 2, capacity: 100)
    #expect(append([1], to: &few))
    #expect(append([], to: &few))
    #expect(!append([3], to: &few))
    #expect(take(&few) == [1])
    #expect(take(&few) == [])
    #expect(take(&few) == nil)
    var small = DatagramQueue(limit: 10, capacity: 100)
    #expect(!append([UInt8](repeating: 0, count: 101), to: &small))
    #expect(append([UInt8](repeating: 1, count: 60), to: &small))
    #expect(append([UInt8](repeating: 2, count: 40), to: &small))
    #expect(!append([3], to: &small))
    #expect(take(&small)?.count == 60)
    // The room at the front is used again, and no more than that.
    #expect(!append([UInt8](repeating: 3, count: 61), to: &small))
    #expect(append([UInt8](repeating: 3, count: 60), to: &small))
    #expect(!append([4], to: &small))
    #expect(take(&small) == [UInt8](repeating: 2, count: 40))
    #expect(take(&small) == [UInt8](repeating: 3, count: 60))
    #expect(take(&small) == nil)
  }

  @Test("random use keeps every datagram whole and in order", arguments: [1, 2, 3] as [UInt64])
  func model(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var queue = DatagramQueue(limit: 12, capacity: 500)
    var model: [[UInt8]] = []
    var accepted = 0
    for _ in 0..<20_000 {
      if Bool.random(using: &random) {
        let bytes = random.bytes(Int.random(in: 0...90, using: &random))
        let isTaken = append(bytes, to: &queue)
        if isTaken {
          model.append(bytes)
          accepted += 1
        } else {
          // One piece may be cut off at the end of the ring, another between its ends.
          #expect(model.count == 12 || model.map(\.count).reduce(bytes.count, +) > 500 - 2 * 90)
        }
      } else {
        #expect(take(&queue) == (model.isEmpty ? nil : model.removeFirst()))
      }
      let count = queue.count
      #expect(count == model.count)
    }
    #expect(accepted > 5_000)
  }
}
