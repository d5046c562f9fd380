import Basics
import Wire

/// The sender's side of the transfer protocol: bytes of the receiver and results of host work in, messages and work
/// for the host out.
///
/// It announces, waits for what the receiver has and wants, and frames the content that the host reads.
public struct TransferSender {
  /// What the host is to do.
  public enum Effect: Hashable, Sendable {
    /// Compute these digests and call `computed`.
    case digest(TransferPieces)
    /// Begin with the content: these bytes of the file, these entries of the tree, nothing in particular for text and
    /// streams. Frame it with `beginContent` and close it with `endContent`.
    case stream([Range<UInt64>])
  }

  private enum State {
    case announcing, asked, digesting, answering, streaming, ended
  }

  private let shape: TransferShape
  private var state = State.announcing
  private var outbox = TransferOutbox()
  private var reader = TransferMessageReader()
  /// The next entry to announce.
  private var nextEntry = 0
  private var holdings = RangeCollector()
  private var wants = RangeCollector()
  private var pieces: PieceSequence?
  private var current: TransferPieces?
  private var effects: [Effect] = []
  /// Content that must still come; nil when nobody knows.
  private var remaining: UInt64?

  /// - Parameter entries: for a directory or several files what they hold, as many as the offer says.
  public init(_ offer: TransferOffer, entries: [TreeEntry] = []) {
    precondition(entries.count == Int(offer.entryCount), "the offer counts other entries")
    shape = TransferShape(offer: offer, entries: entries)
    outbox.put(.offer(offer))
  }

  /// What is offered.
  public var offer: TransferOffer { shape.offer }
  /// Whether the receiver has said what it wants.
  public var isStreaming: Bool { state == .streaming }
  /// Whether everything was said; once `write` yields nothing more, the stream ends.
  public var isEnded: Bool { state == .ended }
  /// Whether the receiver has answered at all: it wants the content, whole or in part.
  public var isAnswered: Bool { state != .announcing && state != .asked }
  /// What of the content travels, in bytes of a file; nil before that is known, and for everything but a file.
  public private(set) var agreedBytes: UInt64?

  /// The next thing to do, if any.
  public mutating func pollEffect() -> Effect? { effects.isEmpty ? nil : effects.removeFirst() }

  /// Whether `write` has something.
  public var hasOutput: Bool { !outbox.isEmpty || state == .announcing }

  /// Writes messages into `buffer` and says how many bytes; 0 when there are none now.
  public mutating func write(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    if outbox.isEmpty, state == .announcing { announce() }
    return outbox.take(into: buffer)
  }

  private mutating func announce() {
    var length = 0
    let first = nextEntry
    while nextEntry < shape.entries.count, length < TransferManifest.preferredLength {
      length += TransferManifest.length(of: shape.entries[nextEntry])
      nextEntry += 1
    }
    if nextEntry > first {
      outbox.put(.manifest(TransferManifest(entries: Array(shape.entries[first..<nextEntry]))))
    } else {
      state = .asked
    }
  }

  /// Takes bytes of the receiver.
  public mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(TransferFault) {
    var offset = 0
    while offset < bytes.count {
      let result: (taken: Int, message: TransferMessage?)
      do throws(TransferError) {
        result = try reader.next(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
      } catch {
        throw .message(error)
      }
      offset += result.taken
      if let message = result.message { try handle(message) }
    }
  }

  private mutating func handle(_ message: TransferMessage) throws(TransferFault) {
    // Before the last entry is out nobody can know what it wants. What was handed over counts as out.
    if state == .announcing, outbox.isEmpty, nextEntry == shape.entries.count { state = .asked }
    switch (message, state) {
    case (.holdings(let message), .asked):
      try holdings.add(message, isAllowed: shape.mayHold)
      guard holdings.isComplete else { return }
      state = holdings.ranges.isEmpty ? .answering : .digesting
      pieces = shape.pieces(of: holdings.ranges)
      nextPieces()
    case (.wants(let message), .answering):
      try wants.add(message) { [shape] in $0.upperBound <= shape.bound }
      guard wants.isComplete else { return }
      begin()
    default: throw .unexpected(message.kind)
    }
  }

  private mutating func nextPieces() {
    guard state == .digesting else { return }
    current = pieces?.next()
    if let current { effects.append(.digest(current)) } else { state = .answering }
  }

  /// The digests that `Effect.digest` asked for.
  public mutating func computed(_ digests: [Bytes32]) {
    guard let current, state == .digesting else { return }
    precondition(digests.count == current.pieces.count, "one digest for each piece")
    outbox.put(
      .digests(
        TransferDigests(item: UInt32(current.item), firstPiece: current.pieces.lowerBound, digests: digests)))
    nextPieces()
  }

  private mutating func begin() {
    state = .streaming
    switch offer.kind {
    case .file:
      remaining = wants.ranges.reduce(0) { $0 + UInt64($1.count) }
      agreedBytes = remaining
    case .text: remaining = offer.size
    case .directory, .several, .stream: remaining = nil
    }
    effects.append(.stream(wants.ranges))
  }

  /// Announces that so many bytes of content follow the messages that are out. For a file and for text all of it.
  public mutating func beginContent(length: UInt64) {
    precondition(state == .streaming && length > 0)
    if let remaining {
      precondition(length <= remaining, "more content than agreed")
      self.remaining = remaining - length
    }
    outbox.put(.content(length: length))
  }

  /// The content is out and its source was the same all the while.
  public mutating func endContent(digest: Bytes32?) {
    precondition(state == .streaming && (remaining ?? 0) == 0)
    outbox.put(.trailer(digest: digest))
    state = .ended
  }
}
