import Basics
import Wire

/// Cuts the relay's bytes to a client into frames, so that faults hit whole packets.
struct FrameAssembler {
  private var pending: [UInt8] = []
  /// Whether the HTTP response still comes first.
  private var isHead: Bool

  init(isFastStart: Bool) { isHead = !isFastStart }

  /// Takes the next bytes and returns what they complete: the response's head or frames, each in one piece.
  mutating func take(_ bytes: UnsafeRawBufferPointer) -> [[UInt8]] {
    pending += bytes
    var complete: [[UInt8]] = []
    var start = 0
    while start < pending.count {
      let rest = pending[start...]
      guard let length = isHead ? Self.headLength(rest) : Self.frameLength(rest) else { break }
      complete.append(Array(rest.prefix(length)))
      start += length
      isHead = false
    }
    pending.removeFirst(start)
    return complete
  }

  private static func headLength(_ bytes: ArraySlice<UInt8>) -> Int? {
    let end: [UInt8] = [13, 10, 13, 10]
    guard bytes.count >= 4 else { return nil }
    for index in bytes.startIndex...bytes.endIndex - 4 where bytes[index..<index + 4].elementsEqual(end) {
      return index + 4 - bytes.startIndex
    }
    return nil
  }

  private static func frameLength(_ bytes: ArraySlice<UInt8>) -> Int? {
    let header = bytes.withUnsafeBytes { DERPFrameHeader.parse($0) }
    guard let header, DERP.frameHeaderLength + header.length <= bytes.count else { return nil }
    return DERP.frameHeaderLength + header.length
  }
}

/// What the network does to packets on their way from the relay to the sessions.
struct PacketFaults {
  /// A packet that goes on, perhaps later.
  struct Passage {
    var frame: [UInt8]
    var delay: Interval
  }

  private let options: Options
  private var random: SeededGenerator
  /// The last packets for each party.
  private var recent: [[[UInt8]]]
  /// Whether a party gets no packet at all.
  var isDeaf: [Bool]

  init(_ options: Options, parties: Int, random: SeededGenerator) {
    self.options = options
    self.random = random
    recent = Array(repeating: [], count: parties)
    isDeaf = Array(repeating: false, count: parties)
  }

  /// What becomes of a packet frame for `party`.
  mutating func treat(_ frame: [UInt8], for party: Int, at now: Instant) -> [Passage] {
    guard !isDeaf[party] else { return [] }
    guard now < .zero + options.faultsEnd else { return [Passage(frame: frame, delay: .zero)] }
    var passages: [Passage] = []
    if !happens(options.loss) {
      var first = Passage(frame: frame, delay: delay())
      if happens(options.corrupt) { damage(&first.frame) }
      passages.append(first)
    }
    if happens(options.double) { passages.append(Passage(frame: frame, delay: delay())) }
    if happens(options.replay), let old = recent[party].randomElement(using: &random) {
      passages.append(Passage(frame: old, delay: delay()))
    }
    if recent[party].count == 16 { recent[party].removeFirst() }
    recent[party].append(frame)
    return passages
  }

  private mutating func happens(_ perMille: Int) -> Bool {
    perMille > 0 && Int.random(in: 0..<1_000, using: &random) < perMille
  }

  private mutating func delay() -> Interval {
    if happens(options.delay) { return random.time(1...Int(max(options.longestDelay.inMicroseconds, 1))) }
    if happens(options.reorder) { return random.time(1...10_000) }
    return .zero
  }

  /// Flips a bit of the packet, not of the relay's own header.
  private mutating func damage(_ frame: inout [UInt8]) {
    guard frame.count > DERP.packetHeaderLength else { return }
    let index = Int.random(in: DERP.packetHeaderLength..<frame.count, using: &random)
    frame[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
  }
}
