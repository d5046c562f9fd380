import Basics

/// One direction of a byte stream: latency, bandwidth, a bounded buffer, and arrival in pieces of random sizes.
struct BytePipe {
  /// A piece on its way; empty when it is the end of the stream.
  private struct Piece {
    var bytes: ArraySlice<UInt8>
    var arrivesAt: Instant
    var isEnd: Bool
  }

  private let latency: Interval
  private let bytesPerSecond: Int64
  /// The most bytes on their way or not yet read; a writer has to wait beyond.
  private let capacity: Int
  /// The largest piece.
  private let largestPiece: Int
  private var pieces: [Piece] = []
  private var first = 0
  private var busyUntil = Instant.zero
  /// Bytes on their way or not yet read.
  private(set) var held = 0
  private var hasEnded = false

  init(latency: Interval, bytesPerSecond: Int, capacity: Int, largestPiece: Int) {
    self.latency = latency
    self.bytesPerSecond = Int64(bytesPerSecond)
    self.capacity = capacity
    self.largestPiece = largestPiece
  }

  /// How many bytes a writer may add.
  var room: Int { hasEnded ? 0 : max(0, capacity - held) }

  /// Puts bytes under way, whether or not there is room, and says when pieces of them arrive.
  mutating func write(
    _ bytes: some Collection<UInt8>, at now: Instant, random: inout SeededGenerator
  ) -> [Instant] {
    guard !hasEnded, !bytes.isEmpty else { return [] }
    var rest = ArraySlice(bytes)
    var arrivals: [Instant] = []
    held += rest.count
    while !rest.isEmpty {
      let length = min(rest.count, Int.random(in: 1...largestPiece, using: &random))
      let departs =
        max(now, busyUntil) + Interval(nanoseconds: Int64(length) * 1_000_000_000 / bytesPerSecond)
      busyUntil = departs
      pieces.append(Piece(bytes: rest.prefix(length), arrivesAt: departs + latency, isEnd: false))
      arrivals.append(departs + latency)
      rest = rest.dropFirst(length)
    }
    return arrivals
  }

  /// Ends the stream behind everything that was written; returns when the end arrives.
  mutating func finish(at now: Instant) -> Instant {
    let arrivesAt = max(now, busyUntil) + latency
    if !hasEnded { pieces.append(Piece(bytes: [], arrivesAt: arrivesAt, isEnd: true)) }
    hasEnded = true
    return arrivesAt
  }

  /// Takes what has arrived by now; `isEnd` when the end of the stream is among it.
  mutating func read(at now: Instant) -> (bytes: [UInt8], isEnd: Bool) {
    var bytes: [UInt8] = []
    var isEnd = false
    while first < pieces.count, pieces[first].arrivesAt <= now, !isEnd {
      bytes += pieces[first].bytes
      isEnd = pieces[first].isEnd
      first += 1
    }
    held -= bytes.count
    if first == pieces.count {
      pieces.removeAll(keepingCapacity: true)
      first = 0
    } else if first >= 256 {
      pieces.removeFirst(first)
      first = 0
    }
    return (bytes, isEnd)
  }
}
