import Basics
import Testing

@testable import Simulator

@Suite("Parts of the virtual world")
struct WorldPartTests {
  @Test("Events come by time, and those of one instant in the order in which they were added")
  func eventOrder() {
    var queue = EventQueue()
    var random = SeededGenerator(seed: 1)
    var expected: [(Int64, Int)] = []
    for index in 0..<500 {
      let time = Int64.random(in: 0..<40, using: &random)
      queue.add(.fault(index), at: Instant(nanoseconds: time))
      expected.append((time, index))
    }
    expected.sort { $0 < $1 }
    for (time, index) in expected {
      guard let (at, event) = queue.next(), case .fault(let got) = event else {
        Issue.record("an event is missing")
        return
      }
      #expect(at.nanoseconds == time && got == index)
    }
    #expect(queue.next() == nil)
  }

  @Test("A pipe keeps order and content, whatever the pieces, and ends behind the last of them")
  func pipe() {
    var random = SeededGenerator(seed: 2)
    var pipe = BytePipe(
      latency: .milliseconds(5), bytesPerSecond: 1_000_000, capacity: 1_000, largestPiece: 7)
    let bytes = (0..<900).map { UInt8(truncatingIfNeeded: $0) }
    let arrivals = pipe.write(bytes, at: .zero, random: &random)
    #expect(pipe.room == 100)
    #expect(arrivals.count > 900 / 7)
    let end = pipe.finish(at: .zero)
    #expect(end >= .zero + .microseconds(5_900))
    #expect(pipe.read(at: .zero + .milliseconds(4)).bytes.isEmpty)
    var received: [UInt8] = []
    for arrival in arrivals {
      let (piece, isEnd) = pipe.read(at: arrival)
      received += piece
      #expect(!isEnd || arrival == end)
    }
    #expect(received == bytes)
    #expect(pipe.read(at: end).isEnd || arrivals.last == end)
    #expect(pipe.room == 0)
  }

  @Test("Frames are cut out of the relay's bytes however they come")
  func assembler() {
    let head = Array("HTTP/1.1 101 Switching Protocols\r\n\r\n".utf8)
    let frames: [[UInt8]] = [
      [6, 0, 0, 0, 0], [5, 0, 0, 0, 3, 1, 2, 3], [9, 0, 0, 1, 0] + [UInt8](repeating: 4, count: 256),
    ]
    let stream = head + frames.joined()
    for piece in [1, 3, 1_000] {
      var assembler = FrameAssembler(isFastStart: false)
      var got: [[UInt8]] = []
      for start in stride(from: 0, to: stream.count, by: piece) {
        got += stream[start..<min(start + piece, stream.count)].withUnsafeBytes { assembler.take($0) }
      }
      #expect(got == [head] + frames)
    }
  }

  @Test("The text of every option and fault reads back")
  func texts() throws {
    for seed in UInt64(1)...60 {
      let options = Options.draw(seed: seed)
      var copy = Options.draw(seed: 61)
      for assignment in options.assignments { try copy.set(assignment) }
      #expect(copy.assignments == options.assignments)
    }
    var options = Options.draw(seed: 1)
    #expect(throws: OptionError.unknown("speed=3")) { try options.set("speed=3") }
    #expect(throws: OptionError.unusable("loss=1001")) { try options.set("loss=1001") }
    #expect(throws: OptionError.unusable("faults=nonsense@5us")) { try options.set("faults=nonsense@5us") }
    #expect(Fault("relay-down@bound+20us") == Fault(.relayDown, after: "bound", .microseconds(20)))
  }
}
