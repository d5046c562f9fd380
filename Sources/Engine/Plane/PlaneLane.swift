import Crypto
import Wire

/// What one lane of a native plane has for itself: keys, control packet numbers, answers that are due on it.
final class PlaneLane {
  let lane: Lane
  private var dataSealer: FrameSealer
  private var controlSealer: FrameSealer
  private var dataOpener: FrameOpener
  private var controlOpener: FrameOpener
  private var controlFilter = ReplayFilter()
  private var nextControlNumber: UInt64 = 0
  /// The token of a ping that came on this lane and is not answered yet.
  var pongDue: UInt64?

  init(
    _ lane: Lane, schedule: SessionKeySchedule, isClaimant: Bool, framesPerEpoch: UInt64
  ) throws(CryptoError) {
    let outgoing: SessionKeySchedule.Direction = isClaimant ? .claimantToAcceptor : .acceptorToClaimant
    let incoming: SessionKeySchedule.Direction = isClaimant ? .acceptorToClaimant : .claimantToAcceptor
    self.lane = lane
    dataSealer = try FrameSealer(
      secret: schedule.secret(direction: outgoing, purpose: .data, lane: lane.rawValue),
      suite: schedule.suite, lane: lane,
      framesPerEpoch: framesPerEpoch)
    controlSealer = try FrameSealer(
      secret: schedule.secret(direction: outgoing, purpose: .control, lane: lane.rawValue),
      suite: schedule.suite, lane: lane,
      framesPerEpoch: framesPerEpoch)
    dataOpener = try FrameOpener(
      secret: schedule.secret(direction: incoming, purpose: .data, lane: lane.rawValue),
      suite: schedule.suite, lane: lane,
      framesPerEpoch: framesPerEpoch)
    controlOpener = try FrameOpener(
      secret: schedule.secret(direction: incoming, purpose: .control, lane: lane.rawValue),
      suite: schedule.suite, lane: lane,
      framesPerEpoch: framesPerEpoch)
  }

  /// Opens a frame where it lies. A frame of another lane is not authentic on this one.
  func open(
    _ header: SessionFrameHeader, frame: UnsafeMutableRawBufferPointer
  ) throws(CryptoError) -> UnsafeRawBufferPointer {
    header.kind.isPayload
      ? try dataOpener.open(header, frame: frame) : try controlOpener.open(header, frame: frame)
  }

  /// Whether a control frame of this number arrives for the first time; it counts as seen from then on.
  func isNewControl(_ packetNumber: UInt64) -> Bool {
    guard !controlFilter.hasSeen(packetNumber) else { return false }
    controlFilter.insert(packetNumber)
    return true
  }

  /// Seals a payload frame into the start of `buffer` and returns its length. Payload in two pieces is put together
  /// where its ciphertext goes.
  func seal(
    _ plan: PayloadSender.Plan, packetNumber: UInt64,
    payload: (UnsafeRawBufferPointer, UnsafeRawBufferPointer), into buffer: UnsafeMutableRawBufferPointer
  ) throws(CryptoError) -> Int {
    var plaintext = payload.0
    if !payload.1.isEmpty {
      let whole = UnsafeMutableRawBufferPointer(rebasing: buffer[SessionFrameHeader.length...])
      whole.copyMemory(from: payload.0)
      UnsafeMutableRawBufferPointer(rebasing: whole[payload.0.count...]).copyMemory(from: payload.1)
      plaintext = UnsafeRawBufferPointer(rebasing: whole[..<(payload.0.count + payload.1.count)])
    }
    return try dataSealer.seal(
      plan.kind, packetNumber: packetNumber, offset: plan.offset, payload: plaintext, into: buffer)
  }

  /// Seals a control frame into the start of `buffer` and returns its length: `body`, then zero bytes up to
  /// `bodyLength` when that is more.
  func sealControl(
    _ kind: SessionFrameKind, _ body: [UInt8], paddedTo bodyLength: Int = 0,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(CryptoError) -> Int {
    try sealControl(kind, into: buffer) { room in
      let length = max(body.count, bodyLength)
      room.copyBytes(from: body)
      UnsafeMutableRawBufferPointer(rebasing: room[body.count..<length])
        .initializeMemory(as: UInt8.self, repeating: 0)
      return length
    }
  }

  /// Seals a control frame into the start of `buffer` and returns its length. `write` puts the body where its
  /// ciphertext goes and returns how long it is.
  func sealControl(
    _ kind: SessionFrameKind, into buffer: UnsafeMutableRawBufferPointer,
    _ write: (UnsafeMutableRawBufferPointer) -> Int
  ) throws(CryptoError) -> Int {
    let room = UnsafeMutableRawBufferPointer(
      rebasing: buffer[SessionFrameHeader.length..<buffer.count - SessionFrameHeader.tagLength])
    let plaintext = UnsafeRawBufferPointer(rebasing: room[..<write(room)])
    let number = nextControlNumber
    nextControlNumber += 1
    return try controlSealer.seal(kind, packetNumber: number, offset: 0, payload: plaintext, into: buffer)
  }
}
