import Basics
import Wire

/// The receiver's side of the transfer protocol: bytes of the sender and results of host work in, answers and work for
/// the host out. Everything that the sender says is checked before the host hears of it.
public struct TransferReceiver {
  /// What the host is to do.
  public enum Effect: Hashable, Sendable {
    /// Find out whether this is wanted; then call `accept` with what is there already, or give up the session.
    case decide(TransferOffer)
    /// Compute the digests of these pieces of what is there and call `computed`.
    case digest(TransferPieces)
    /// The content is about to come: these bytes of the file, these entries.
    case begin([Range<UInt64>])
    /// The content is complete; its digest when the offer promised one.
    case complete(digest: Bytes32?)
  }

  private enum State {
    case waiting, listing, deciding, comparing, content, ended
  }

  /// How many messages with digests may wait for the host.
  private static let mostWaiting = 4

  private var state = State.waiting
  private var shape: TransferShape?
  private var check = TreeCheck()
  private var reader = TransferMessageReader()
  private var outbox = TransferOutbox()
  private var effects: [Effect] = []
  private var holdings: [Range<UInt64>] = []
  private var expected: PieceSequence?
  /// Digests that the host has not compared yet, the first of which it works on.
  private var waiting: [TransferDigests] = []
  /// Whether all digests have come.
  private var hasAllDigests = false
  /// What matched, in bytes of a file or entries.
  private var verified: [Range<UInt64>] = []
  /// The entry whose pieces are compared, and whether one of them differed.
  private var entry: (item: Int, differs: Bool)?
  /// Content that must still be announced; nil when nobody knows.
  private var agreed: UInt64?

  public init() {}

  /// What the sender offers, once it is known.
  public var offer: TransferOffer? { shape?.offer }
  /// What a directory or several files hold; complete when the host is asked to decide.
  public var entries: [TreeEntry] { shape?.entries ?? [] }
  /// How many raw bytes of content come next; 0: a message does.
  public private(set) var contentRemaining: UInt64 = 0
  /// Whether the content is complete and its trailer has come.
  public var isEnded: Bool { state == .ended }
  /// How many bytes of a file travel; nil before that is known, and for everything but a file and text.
  public private(set) var agreedBytes: UInt64?

  /// The next thing to do, if any.
  public mutating func pollEffect() -> Effect? { effects.isEmpty ? nil : effects.removeFirst() }

  /// Whether `write` has something.
  public var hasOutput: Bool { !outbox.isEmpty }

  /// Writes answers into `buffer` and says how many bytes; 0 when there are none now.
  public mutating func write(into buffer: UnsafeMutableRawBufferPointer) -> Int { outbox.take(into: buffer) }

  // MARK: Input

  /// Takes messages of the sender and says how many bytes those were. It stops where content begins, at the end, and
  /// while digests wait for the host.
  public mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(TransferFault) -> Int {
    var offset = 0
    while offset < bytes.count, contentRemaining == 0, waiting.count < Self.mostWaiting {
      guard state != .ended else { throw .otherLength }
      let result: (taken: Int, message: TransferMessage?)
      do throws(TransferError) {
        result = try reader.next(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
      } catch {
        throw .message(error)
      }
      offset += result.taken
      if let message = result.message { try handle(message) }
    }
    return offset
  }

  /// The host took so many bytes of content.
  public mutating func took(content count: UInt64) {
    precondition(count <= contentRemaining)
    contentRemaining -= count
  }

  private mutating func handle(_ message: TransferMessage) throws(TransferFault) {
    switch (message, state) {
    case (.offer(let offer), .waiting):
      shape = TransferShape(offer: offer, entries: [])
      state = .listing
      try decideIfListed()
    case (.manifest(let manifest), .listing): try list(manifest)
    case (.digests(let digests), .comparing): try compare(digests)
    case (.content(let length), .content):
      if let agreed {
        guard length <= agreed else { throw .otherLength }
        self.agreed = agreed - length
      }
      contentRemaining = length
    case (.trailer(let digest), .content):
      guard (agreed ?? 0) == 0, (digest != nil) == shape?.offer.isVerified else { throw .otherLength }
      state = .ended
      effects.append(.complete(digest: digest))
    default: throw .unexpected(message.kind)
    }
  }

  private mutating func list(_ manifest: TransferManifest) throws(TransferFault) {
    guard let shape, shape.offer.hasEntries else { throw .unexpected(.manifest) }
    guard !manifest.entries.isEmpty,
      shape.entries.count + manifest.entries.count <= Int(shape.offer.entryCount)
    else { throw .otherSum }
    do throws(TreeError) {
      for entry in manifest.entries { try check.add(entry) }
    } catch {
      throw .manifest(error)
    }
    self.shape?.entries += manifest.entries
    try decideIfListed()
  }

  private mutating func decideIfListed() throws(TransferFault) {
    guard let shape, shape.entries.count == Int(shape.offer.entryCount) else { return }
    guard !shape.offer.hasEntries || check.bytes == shape.offer.size else { throw .otherSum }
    state = .deciding
    effects.append(.decide(shape.offer))
  }

  // MARK: Decision and digests

  /// The offer is wanted.
  ///
  /// - Parameter holdings: What is there already and may be right: a file's bytes from 0 on, whole pieces or all of
  ///   it; entries of the manifest, complete ones.
  public mutating func accept(holdings: [Range<UInt64>]) {
    guard state == .deciding, let shape else { return }
    precondition(holdings.allSatisfy(shape.mayHold), "holdings that cannot be")
    self.holdings = holdings
    for message in RangeCollector.messages(holdings, { .holdings($0) }) { outbox.put(message) }
    state = .comparing
    expected = shape.pieces(of: holdings)
    expectMore()
  }

  private mutating func compare(_ digests: TransferDigests) throws(TransferFault) {
    guard let next, digests.item == next.item, digests.firstPiece == next.pieces.lowerBound,
      digests.digests.count == next.pieces.count
    else { throw .unexpected(.digests) }
    waiting.append(digests)
    if waiting.count == 1 { effects.append(.digest(next)) }
    expectMore()
  }

  /// What the next message with digests must be about.
  private var next: TransferPieces?

  private mutating func expectMore() {
    next = expected?.next()
    if next == nil {
      hasAllDigests = true
      wantIfCompared()
    }
  }

  /// The digests that `Effect.digest` asked for; nil for what could not be read.
  public mutating func computed(_ digests: [Bytes32?]) {
    guard !waiting.isEmpty else { return }
    let theirs = waiting.removeFirst()
    for (index, digest) in theirs.digests.enumerated() {
      let isSame = index < digests.count && digests[index] == digest
      note(piece: theirs.firstPiece + UInt64(index), of: Int(theirs.item), isSame: isSame)
    }
    if let first = waiting.first {
      let pieces = first.firstPiece..<first.firstPiece + UInt64(first.digests.count)
      effects.append(.digest(TransferPieces(item: Int(first.item), pieces: pieces)))
    }
    wantIfCompared()
  }

  private mutating func note(piece: UInt64, of item: Int, isSame: Bool) {
    guard let shape else { return }
    if shape.offer.hasEntries {
      if entry?.item != item {
        noteEntry()
        entry = (item, false)
      }
      if !isSame { entry?.differs = true }
    } else if isSame {
      // Holdings are whole pieces or the whole file, so what a digest stands for is there entirely.
      verify(TransferPieces.bytes(of: piece, size: shape.size(of: 0)))
    }
  }

  private mutating func noteEntry() {
    if let entry, !entry.differs { verify(UInt64(entry.item)..<UInt64(entry.item) + 1) }
    entry = nil
  }

  private mutating func verify(_ range: Range<UInt64>) {
    if let last = verified.last, last.upperBound == range.lowerBound {
      verified[verified.count - 1] = last.lowerBound..<range.upperBound
    } else {
      verified.append(range)
    }
  }

  private mutating func wantIfCompared() {
    guard state == .comparing, hasAllDigests, waiting.isEmpty, let shape else { return }
    noteEntry()
    var wants: [Range<UInt64>] = []
    var position: UInt64 = 0
    for range in verified + [shape.bound..<shape.bound] {
      if position < range.lowerBound { wants.append(position..<range.lowerBound) }
      position = range.upperBound
    }
    for message in RangeCollector.messages(wants, { .wants($0) }) { outbox.put(message) }
    state = .content
    switch shape.offer.kind {
    case .file: agreed = wants.reduce(0) { $0 + UInt64($1.count) }
    case .text: agreed = shape.offer.size
    case .directory, .several, .stream: agreed = nil
    }
    agreedBytes = agreed
    effects.append(.begin(wants))
  }
}
