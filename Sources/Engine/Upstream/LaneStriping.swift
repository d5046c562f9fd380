import Basics
import Wire

/// Why a flow over lanes cannot go on.
enum LaneStripingError: Error, Hashable {
  /// A chunk is malformed or was cut off.
  case malformed(LaneChunkError)
  /// Two chunks have the same place.
  case repeated(UInt64)
  /// All lanes have ended, and a chunk is missing.
  case gap(UInt64)
  /// More came ahead of its turn than is kept.
  case tooEarly
}

/// Cuts one direction of a flow into chunks (UPS-13). Which lane carries a chunk does not matter, so whoever has the lanes
/// decides that.
struct LaneSender {
  private let laneCount: Int
  private(set) var sequence: UInt64 = 0

  init(laneCount: Int) { self.laneCount = laneCount }

  /// What each lane begins with, behind its header.
  var preamble: [UInt8] { laneCount > 1 ? LaneChunk.warmUp.serialized() : [] }

  /// Makes one chunk in `room`, of what `read` puts behind its header; how many bytes of `room` it has, 0 for none.
  mutating func fill(
    _ room: UnsafeMutableRawBufferPointer, _ read: (UnsafeMutableRawBufferPointer) -> Int
  ) -> Int {
    let end = min(room.count, LaneChunk.headerLength + LaneChunk.maximumLength)
    guard end > LaneChunk.headerLength else { return 0 }
    let count = read(UnsafeMutableRawBufferPointer(rebasing: room[LaneChunk.headerLength..<end]))
    guard count > 0, let chunk = try? LaneChunk(sequence: sequence, length: count) else { return 0 }
    chunk.store(into: room)
    sequence += 1
    return LaneChunk.headerLength + count
  }
}

/// Puts one direction of a flow together again, from the chunks that its lanes bring in any order (UPS-13).
///
/// What is due goes straight on; only what comes ahead of its turn is kept. Upstream keeps the order on each lane, so a
/// lane that is ahead may rest: its window makes the peer wait, while the others bring what is missing.
struct LaneReceiver {
  /// A lane that is ahead rests while so many bytes are kept.
  static let comfortable = 16 << 20
  /// As many bytes are kept at most.
  static let mostEarly = 64 << 20
  /// What keeping a chunk costs beside its content: empty ones must not come for nothing.
  private static let chunkCost = 64

  private struct Lane {
    /// The first bytes of a chunk, until they are complete.
    var header: [UInt8] = []
    var chunk: LaneChunk?
    /// Content of a chunk that is ahead of its turn; nil while it goes straight on.
    var kept: [UInt8]?
    /// Content of the chunk that is still to come.
    var left = 0
    var hasEnded = false

    var isBetweenChunks: Bool { header.isEmpty && chunk == nil }
  }

  private let limit: Int
  private let rest: Int
  private var lanes: [Lane]
  /// Complete chunks ahead of their turn.
  private var early: [UInt64: [UInt8]] = [:]
  /// What they cost together.
  private(set) var earlyBytes = 0
  /// The place of the chunk whose turn it is.
  private(set) var next: UInt64 = 0
  /// How much of that chunk, when it was kept, has gone on.
  private var given = 0

  init(
    laneCount: Int, limit: Int = LaneReceiver.mostEarly, comfortable: Int = LaneReceiver.comfortable
  ) {
    lanes = Array(repeating: Lane(), count: laneCount)
    self.limit = limit
    rest = comfortable
  }

  /// Whether everything has come and gone on.
  var isComplete: Bool { early.isEmpty && lanes.allSatisfy(\.hasEnded) }

  /// Whether a lane is not to be read now: what it has is ahead, and enough of that is kept.
  func isResting(_ lane: Int) -> Bool {
    guard earlyBytes >= rest, lanes[lane].kept != nil, lanes[lane].chunk?.sequence != next else {
      return false
    }
    return lanes.contains { !$0.hasEnded && ($0.kept == nil || $0.chunk?.sequence == next) }
  }

  /// Takes bytes of a lane, in the order of the lane; how many. It takes less than all when `write`, which returns how
  /// many it took, does not take all that is due, or when the lane is to rest.
  mutating func receive(
    _ bytes: UnsafeRawBufferPointer, on lane: Int, _ write: (UnsafeRawBufferPointer) -> Int
  ) throws(LaneStripingError) -> Int {
    var offset = 0
    while offset < bytes.count, !isResting(lane) {
      let piece = UnsafeRawBufferPointer(rebasing: bytes[offset...])
      guard lanes[lane].chunk != nil else {
        offset += try receiveHeader(piece, on: lane)
        continue
      }
      let content = UnsafeRawBufferPointer(rebasing: piece.prefix(lanes[lane].left))
      if lanes[lane].kept != nil {
        lanes[lane].kept?.append(contentsOf: content)
        offset += content.count
        advance(lane, by: content.count)
      } else {
        let count = write(content)
        offset += count
        advance(lane, by: count)
        guard count == content.count else { return offset }
      }
    }
    return offset
  }

  private mutating func receiveHeader(
    _ bytes: UnsafeRawBufferPointer, on lane: Int
  ) throws(LaneStripingError) -> Int {
    let missing = bytes.prefix(LaneChunk.headerLength - lanes[lane].header.count)
    lanes[lane].header.append(contentsOf: missing)
    guard lanes[lane].header.count == LaneChunk.headerLength else { return missing.count }
    let chunk: LaneChunk
    do throws(LaneChunkError) {
      chunk = try LaneChunk.parse(lanes[lane].header)
    } catch { throw .malformed(error) }
    lanes[lane].header.removeAll(keepingCapacity: true)
    guard !chunk.isWarmUp else { return missing.count }
    try begin(chunk, on: lane)
    return missing.count
  }

  private mutating func begin(_ chunk: LaneChunk, on lane: Int) throws(LaneStripingError) {
    guard chunk.sequence >= next, early[chunk.sequence] == nil,
      !lanes.contains(where: { $0.chunk?.sequence == chunk.sequence })
    else { throw .repeated(chunk.sequence) }
    lanes[lane].chunk = chunk
    lanes[lane].left = chunk.length
    if chunk.sequence != next {
      earlyBytes += chunk.length + Self.chunkCost
      guard earlyBytes <= limit else { throw .tooEarly }
      lanes[lane].kept = []
      lanes[lane].kept?.reserveCapacity(chunk.length)
    }
    if chunk.length == 0 { advance(lane, by: 0) }
  }

  /// So many bytes of the lane's chunk were kept or went on.
  private mutating func advance(_ lane: Int, by count: Int) {
    lanes[lane].left -= count
    guard lanes[lane].left == 0, let chunk = lanes[lane].chunk else { return }
    lanes[lane].chunk = nil
    if let kept = lanes[lane].kept {
      lanes[lane].kept = nil
      early[chunk.sequence] = kept
    } else {
      next += 1
    }
  }

  /// Gives what was kept and is due now; false when `write` does not take all of it.
  mutating func drain(_ write: (UnsafeRawBufferPointer) -> Int) -> Bool {
    while let chunk = early[next] {
      if given < chunk.count {
        given += chunk.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[given...])) }
      }
      guard given == chunk.count else { return false }
      early[next] = nil
      earlyBytes -= chunk.count + Self.chunkCost
      given = 0
      next += 1
    }
    return true
  }

  /// Nothing more comes on the lane.
  mutating func end(_ lane: Int) throws(LaneStripingError) {
    guard lanes[lane].isBetweenChunks else { throw .malformed(.truncated) }
    lanes[lane].hasEnded = true
    // What is missing now can come from nowhere.
    guard lanes.allSatisfy(\.hasEnded) else { return }
    var place = next
    while early[place] != nil { place += 1 }
    guard early.count == Int(place - next) else { throw .gap(place) }
  }
}
