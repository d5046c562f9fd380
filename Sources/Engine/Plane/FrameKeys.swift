import Basics
import Crypto
import Wire

/// How long a key of the native plane lives. AES-GCM with 64-bit counters would allow more, but a key is replaced
/// long before any limit matters.
public enum KeyEpochs {
  /// Frames of one direction, purpose and lane that share a key: 2^23.
  public static let framesPerEpoch: UInt64 = 1 << 23
  /// How many epochs ahead of the newest one a frame may be, because all between were lost. Each costs who sends
  /// us a forged frame three hashes of ours.
  static let reach: UInt64 = 4
}

/// Seals the frames of one direction, purpose and lane, replacing the key as the packet number enters a new epoch.
struct FrameSealer {
  private var secret: SecretBytes
  private var key: FrameKey
  private var epoch: UInt64 = 0
  /// The first packet number of the next epoch.
  private var epochEnd: UInt64
  private let lane: Lane
  private let framesPerEpoch: UInt64
  private let suite: CipherSuite

  /// - Parameter secret: that of the lane's first epoch.
  init(
    secret: SecretBytes, suite: CipherSuite = .usual, lane: Lane, framesPerEpoch: UInt64
  ) throws(CryptoError) {
    self.suite = suite
    self.secret = secret
    self.lane = lane
    self.framesPerEpoch = framesPerEpoch
    epochEnd = framesPerEpoch
    key = try SessionKeySchedule.key(secret, suite: suite)
  }

  /// Writes a whole frame into the start of `buffer` and returns its length.
  mutating func seal(
    _ kind: SessionFrameKind, packetNumber: UInt64, offset: UInt64, payload: UnsafeRawBufferPointer,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(CryptoError) -> Int {
    while packetNumber >= epochEnd {
      secret = SessionKeySchedule.next(secret)
      key = try SessionKeySchedule.key(secret, suite: suite)
      epoch += 1
      epochEnd += framesPerEpoch
    }
    let length = SessionFrameHeader.overhead + payload.count
    let header = SessionFrameHeader(
      kind: kind, lane: lane.rawValue, epochLowByte: UInt8(truncatingIfNeeded: epoch),
      packetNumber: packetNumber,
      offset: offset)
    header.store(into: buffer)
    try key.seal(
      lane: lane.rawValue, packetNumber: packetNumber,
      associatedData: UnsafeRawBufferPointer(rebasing: buffer[..<SessionFrameHeader.length]),
      plaintext: payload,
      into: UnsafeMutableRawBufferPointer(rebasing: buffer[SessionFrameHeader.length..<length]))
    return length
  }
}

/// Opens the frames of one direction, purpose and lane. It holds the key of the newest epoch seen and of the one before,
/// for frames that were overtaken; a frame of one of the next epochs moves it on once it proved authentic.
struct FrameOpener {
  private var secret: SecretBytes
  private var key: FrameKey
  private var previousKey: FrameKey?
  private var epoch: UInt64 = 0
  private let lane: Lane
  private let framesPerEpoch: UInt64
  private let suite: CipherSuite

  /// - Parameter secret: that of the lane's first epoch.
  init(
    secret: SecretBytes, suite: CipherSuite = .usual, lane: Lane, framesPerEpoch: UInt64
  ) throws(CryptoError) {
    self.suite = suite
    self.secret = secret
    self.lane = lane
    self.framesPerEpoch = framesPerEpoch
    key = try SessionKeySchedule.key(secret, suite: suite)
  }

  /// Decrypts the frame where it lies and returns its payload.
  ///
  /// - Throws: `CryptoError` when the frame is not authentic, is of another lane or of an epoch out of reach.
  mutating func open(
    _ header: SessionFrameHeader, frame: UnsafeMutableRawBufferPointer
  ) throws(CryptoError) -> UnsafeRawBufferPointer {
    let frameEpoch = header.packetNumber / framesPerEpoch
    guard header.lane == lane.rawValue else { throw .notAuthentic }
    guard header.epochLowByte == UInt8(truncatingIfNeeded: frameEpoch) else { throw .notAuthentic }
    if frameEpoch == epoch { return try open(header, frame, with: key) }
    if frameEpoch + 1 == epoch, let previousKey { return try open(header, frame, with: previousKey) }
    guard frameEpoch > epoch, frameEpoch - epoch <= KeyEpochs.reach else { throw .notAuthentic }
    var nextSecret = SessionKeySchedule.next(secret)
    var pastSecret: SecretBytes?
    for _ in epoch + 1..<frameEpoch {
      pastSecret = nextSecret
      nextSecret = SessionKeySchedule.next(nextSecret)
    }
    let nextKey = try SessionKeySchedule.key(nextSecret, suite: suite)
    let payload = try open(header, frame, with: nextKey)
    if let pastSecret { key = try SessionKeySchedule.key(pastSecret, suite: suite) }
    previousKey = key
    key = nextKey
    secret = nextSecret
    epoch = frameEpoch
    return payload
  }

  private func open(
    _ header: SessionFrameHeader, _ frame: UnsafeMutableRawBufferPointer, with key: FrameKey
  ) throws(CryptoError) -> UnsafeRawBufferPointer {
    let sealed = UnsafeMutableRawBufferPointer(rebasing: frame[SessionFrameHeader.length...])
    let length = try key.open(
      lane: header.lane, packetNumber: header.packetNumber,
      associatedData: UnsafeRawBufferPointer(rebasing: frame[..<SessionFrameHeader.length]), inPlace: sealed)
    return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(sealed)[..<length])
  }
}
