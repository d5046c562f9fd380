import Basics
import Wire

/// One connection through a tunnel of upstream's: a stream to the host, lanes to the peer (UPS-12 to UPS-15).
final class TunnelFlow {
  /// One lane: a stream of one of the tunnel's connections.
  struct Lane {
    var number: Int
    var connection: QUICConnection
    var stream: Int64
    /// Everything that the peer sent on it was read.
    var hasEnded = false
    /// The stream is over in both directions, or lost with its connection.
    var isClosed = false
  }

  enum Phase {
    /// Lanes are still missing.
    case collecting
    /// The host has it.
    case open
  }

  /// A chunk lies in one piece when so much room is left of a block of memory.
  private static let leastRoom = 1_024
  /// How much is read at once where it is not.
  private static let smallChunk = 4_096

  /// How the host calls it.
  let number: Int64
  let id: Bytes16
  private(set) var lanes: [Lane?]
  private var sender: LaneSender
  private var receiver: LaneReceiver
  var phase = Phase.collecting
  /// The dialer's: the connection of its one lane.
  var dialed: Int?
  /// When the flow is given up: incomplete ones, and those of which only the peer wants more.
  var deadline: Instant?
  /// The host will add nothing more.
  private(set) var isFinished = false
  /// Nothing more is sent: the host gave up, or the peer has.
  private(set) var isSendingOver = false
  /// Nothing more is given to the host.
  private(set) var isReadingOver = false
  private(set) var isEndTaken = false
  private(set) var bytesSent: UInt64 = 0
  private(set) var bytesReceived: UInt64 = 0

  init(number: Int64, id: Bytes16, laneCount: Int) {
    self.number = number
    self.id = id
    lanes = Array(repeating: nil, count: laneCount)
    sender = LaneSender(laneCount: laneCount)
    receiver = LaneReceiver(laneCount: laneCount)
  }

  // MARK: Lanes

  var isComplete: Bool { !lanes.contains { $0 == nil } }
  var present: [Lane] { lanes.compactMap { $0 } }

  /// Adds a lane and begins it; false when it is there already.
  func add(_ lane: Lane, at index: Int, header: [UInt8] = []) -> Bool {
    guard lanes.indices.contains(index), lanes[index] == nil else { return false }
    lanes[index] = lane
    (header + sender.preamble).withUnsafeBytes { lane.connection.append($0, to: lane.stream) }
    if isFinished { lane.connection.finish(lane.stream) }
    return true
  }

  func laneClosed(_ index: Int) { lanes[index]?.isClosed = true }

  /// Whether both directions have come to their end.
  var isOver: Bool {
    (isEndTaken || isReadingOver) && isComplete && present.allSatisfy(\.isClosed)
  }

  /// Whether everything of the peer is here, though the host may not have taken it.
  var hasWholeInput: Bool {
    isComplete && present.allSatisfy { $0.hasEnded || $0.connection.hasWholeInput($0.stream) }
  }

  /// Whether everything of the host has been sent at least once.
  var hasSentEnd: Bool {
    isFinished && isComplete && present.allSatisfy { $0.connection.hasSentEnd($0.stream) }
  }

  // MARK: The host's side

  /// The lane that takes most.
  private func emptiest() -> (lane: Lane, wanted: Int)? {
    guard phase == .open, !isFinished, !isSendingOver else { return nil }
    var best: (lane: Lane, wanted: Int)?
    for lane in present where !lane.isClosed {
      // Each one is asked: whoever has enough then says when that is over.
      let wanted = lane.connection.wanted(by: lane.stream)
      if wanted > best?.wanted ?? 0 { best = (lane, wanted) }
    }
    return best
  }

  var wanted: Int { emptiest().map { max(0, $0.wanted - LaneChunk.headerLength) } ?? 0 }

  /// Lets `read` make one chunk; how many bytes it has, and the connection that it leaves by.
  func fill(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> (count: Int, number: Int)? {
    guard let lane = emptiest()?.lane else { return nil }
    var isTight = false
    var count = lane.connection.fill(lane.stream) { room in
      isTight = room.count < Self.leastRoom
      return isTight ? 0 : sender.fill(room, read)
    }
    if isTight {
      withUnsafeTemporaryAllocation(byteCount: Self.smallChunk, alignment: 8) { buffer in
        count = sender.fill(buffer, read)
        lane.connection.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: lane.stream)
      }
    }
    guard count > 0 else { return nil }
    bytesSent += UInt64(count - LaneChunk.headerLength)
    return (count - LaneChunk.headerLength, lane.number)
  }

  func finish() {
    guard !isFinished, !isSendingOver else { return }
    isFinished = true
    for lane in present where !lane.isClosed { lane.connection.finish(lane.stream) }
  }

  /// Offers what is due.
  func read(
    _ write: (UnsafeRawBufferPointer) -> Int
  ) throws(LaneStripingError) -> StreamReadState {
    guard phase == .open, !isReadingOver, !isEndTaken else { return .empty }
    var isFull = false
    func offer(_ bytes: UnsafeRawBufferPointer) -> Int {
      guard !isFull, !bytes.isEmpty else { return 0 }
      let count = write(bytes)
      bytesReceived += UInt64(count)
      if count < bytes.count { isFull = true }
      return count
    }
    var hasMoved = true
    while hasMoved {
      hasMoved = false
      guard receiver.drain(offer) else { break }
      for index in lanes.indices where !isFull {
        if try readLane(index, offer) { hasMoved = true }
      }
    }
    if isFull { return .more }
    guard receiver.isComplete else { return .empty }
    isEndTaken = true
    return .ended
  }

  /// Reads one lane; whether anything came of it.
  private func readLane(
    _ index: Int, _ offer: (UnsafeRawBufferPointer) -> Int
  ) throws(LaneStripingError) -> Bool {
    guard let lane = lanes[index], !lane.hasEnded, !receiver.isResting(index) else { return false }
    var failure: LaneStripingError?
    var total = 0
    let state = lane.connection.read(lane.stream) { bytes in
      guard failure == nil else { return 0 }
      do throws(LaneStripingError) {
        let count = try receiver.receive(bytes, on: index, offer)
        total += count
        return count
      } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    guard state == .ended else { return total > 0 }
    lanes[index]?.hasEnded = true
    try receiver.end(index)
    return true
  }

  /// Drops what has arrived: nobody wants it, and the peer shall be able to send its end. Upstream knows no other way to
  /// say so: for it the end of a stream's reading is the end of the flow.
  func discard() {
    for index in lanes.indices {
      guard let lane = lanes[index], !lane.hasEnded else { continue }
      if lane.connection.read(lane.stream, { $0.count }) == .ended { lanes[index]?.hasEnded = true }
    }
  }

  func giveUpSending() { isSendingOver = true }
  func giveUpReading() { isReadingOver = true }
}
