import Wire

/// What waits to be written to one client, in the order in which it goes out: the rest of a packet frame that
/// has begun, control frames, packets.
///
/// Empty in the good case: packets then go from the sender's buffer to the receiver's socket directly.
final class OutputQueue {
  /// What a flush came to.
  enum Progress {
    /// Nothing waits any more.
    case drained
    /// Something waits; `moved` says whether any byte went.
    case blocked(moved: Bool)
    /// The connection is broken.
    case broken
  }

  /// The most bytes of control frames that wait; further ones are not sent.
  private static let controlLimit = 32_768

  /// The rest of a frame of which some bytes went out: never dropped, and nothing goes before it.
  private let begun = ByteStore()
  private let control = ByteStore()
  private let packets: PacketQueue

  init(budget: MemoryBudget) { packets = PacketQueue(budget: budget) }

  var isEmpty: Bool { packets.isEmpty && begun.isEmpty && control.isEmpty }

  /// Adds a control frame or HTTP text; false when too much of that waits already.
  func append(control bytes: [UInt8]) -> Bool {
    guard control.count + bytes.count <= Self.controlLimit else { return false }
    control.append(bytes)
    return true
  }

  /// Adds copies of the packet frames that `run` consists of and returns how many were dropped.
  func append(packets run: UnsafeRawBufferPointer) -> Int {
    var dropped = 0
    var offset = 0
    while let length = Self.frameLength(run, at: offset) {
      dropped += packets.append(UnsafeRawBufferPointer(rebasing: run[offset..<offset + length]))
      offset += length
    }
    return dropped
  }

  /// Keeps what a direct write of `run` left over. Returns how many packets were dropped.
  func keepRest(of run: UnsafeRawBufferPointer, taken: Int) -> Int {
    let end = keepBegun(run, taken: taken)
    return append(packets: UnsafeRawBufferPointer(rebasing: run[end...]))
  }

  /// Writes as much as goes.
  func flush(_ write: (UnsafeRawBufferPointer) -> Int?) -> Progress {
    var moved = false
    for isControl in [false, true] {
      let store = isControl ? control : begun
      guard !store.isEmpty else { continue }
      let offered = store.count
      guard let taken = write(UnsafeRawBufferPointer(store.bytes)) else { return .broken }
      moved = moved || taken > 0
      store.removeFirst(taken)
      if taken < offered { return .blocked(moved: moved) }
    }
    while !packets.isEmpty {
      let run = packets.contiguous
      guard let taken = write(run) else { return .broken }
      moved = moved || taken > 0
      packets.removeFirst(bytes: keepBegun(run, taken: taken))
      if taken < run.count { return .blocked(moved: moved) }
    }
    return .drained
  }

  /// Gives unused memory back, as for a client without traffic.
  func trim() { if isEmpty { release() } }

  /// Forgets everything.
  func release() {
    begun.release()
    control.release()
    packets.release()
  }

  /// Keeps the rest of the frame that the first `taken` bytes of `run` cut through, if they do. Returns where
  /// that frame ends, or `taken`.
  private func keepBegun(_ run: UnsafeRawBufferPointer, taken: Int) -> Int {
    var end = 0
    while end < taken, let length = Self.frameLength(run, at: end) { end += length }
    end = max(end, taken)
    begun.append(UnsafeRawBufferPointer(rebasing: run[taken..<end]))
    return end
  }

  /// The length of the whole frame that begins at `offset`, header included; nil at the end of the run.
  private static func frameLength(_ run: UnsafeRawBufferPointer, at offset: Int) -> Int? {
    let rest = UnsafeRawBufferPointer(rebasing: run[offset...])
    guard let header = DERPFrameHeader.parse(rest) else { return nil }
    let length = DERP.frameHeaderLength + header.length
    return length <= rest.count ? length : nil
  }
}
