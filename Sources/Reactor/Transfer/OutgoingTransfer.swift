import Basics
import Crypto
import Engine
import Glibc
import Wire

/// What a session sends in a transfer, and what takes the receiver's answers: runs `TransferSender` on files, trees,
/// text and streams.
public final class OutgoingTransfer {
  /// What is sent.
  public enum Content {
    case text([UInt8])
    case tree(SourceTree)
    /// Bytes whose number nobody knows beforehand.
    case stream(any PayloadSource)
  }

  /// How many bytes stand before each piece of content: the header of a message and a length.
  static let frameLength = TransferMessage.headerLength + TransferMessage.Kind.content.longestBody

  public var readable: () -> Void = {}
  public var wantsRead = false {
    didSet { content?.wantsRead = wantsRead }
  }
  public var writable: () -> Void = {}
  public var wantsWrite = false

  /// Is called once when the receiver does what it must not; the words hold nothing of its own.
  public var refused: (String) -> Void = { _ in }
  /// Is called when the receiver has answered: how many bytes of the content are there already.
  public var answered: (UInt64) -> Void = { _ in }

  private let loop: EventLoop
  private let kind: Content
  private var sender: TransferSender
  private var content: (any PayloadSource)?
  /// Content that was announced and is not out yet; nil: it goes out in pieces, each with its length.
  private var announced: UInt64?
  private var hasContentEnded = false
  private var digest: ContentDigest?
  private var fileDigest: FileDigest?
  private var file: SharedDescriptor?
  private let thread: HelperThread<FileDigests.Outcome>
  private var failure: FileError?
  private var hasRefused = false

  /// The digest of the content, once it is out; only when it was asked for.
  public private(set) var contentDigest: Bytes32?
  /// What is offered.
  public var offer: TransferOffer { sender.offer }

  /// - Parameter isVerified: whether a digest of the whole content travels behind it.
  public init(_ loop: EventLoop, _ kind: Content, isVerified: Bool) throws(FileError) {
    self.loop = loop
    self.kind = kind
    sender = try Self.sender(kind, isVerified: isVerified)
    do throws(SystemError) {
      thread = try HelperThread(loop, capacity: 1)
    } catch {
      throw .system(error)
    }
    if isVerified { digest = try FileDigests.newDigest() }
  }

  private static func sender(_ kind: Content, isVerified: Bool) throws(FileError) -> TransferSender {
    switch kind {
    case .text(let bytes):
      return TransferSender(TransferOffer(kind: .text, size: UInt64(bytes.count), isVerified: isVerified))
    case .stream: return TransferSender(TransferOffer(kind: .stream, size: nil, isVerified: isVerified))
    case .tree(let tree):
      var offer = TransferOffer(kind: .several, size: tree.bytes, isVerified: isVerified)
      if tree.shape != .several {
        do {
          offer.name = try tree.name.utf8.withContiguousStorageIfAvailable { bytes in
            try FileName(UnsafeRawBufferPointer(bytes))
          }
        } catch {
          throw .content("\(error)")
        }
        offer.kind = tree.shape == .file ? .file : .directory
        offer.mode = tree.mode
        offer.modified = tree.modified
      }
      guard tree.shape != .file else {
        return TransferSender(offer)
      }
      offer.entryCount = UInt32(tree.items.count)
      return TransferSender(offer, entries: tree.items.map(\.entry))
    }
  }

  // MARK: Work for the host

  private func work() {
    while let effect = sender.pollEffect() {
      do {
        switch effect {
        case .digest(let pieces): try compute(pieces)
        case .stream(let ranges): try begin(ranges)
        }
      } catch {
        fail(error)
      }
    }
  }

  private func fail(_ error: FileError) {
    failure = failure ?? error
    wake()
  }

  /// Has the session read on, but not now: it may be in the middle of a packet.
  private func wake() {
    loop.defer { [weak self] in self?.readable() }
  }

  private func compute(_ pieces: TransferPieces) throws(FileError) {
    guard case .tree(let tree) = kind else { return }
    let item = tree.items[pieces.item]
    let descriptor = try open(item, in: tree)
    let isQueued = thread.submit { [name = item.entry.path.text, size = item.entry.size] in
      FileDigests.compute(pieces, of: descriptor, size: size, name: name)
    } finished: { [weak self] result in
      guard let self else { return }
      switch result {
      case .success(let digests): sender.computed(digests)
      case .failure(let error): return fail(error)
      }
      work()
      readable()
    }
    if !isQueued { throw .content("no thread to read \(item.entry.path)") }
  }

  /// A single file is opened once, and is the same whatever happens to its name.
  private func open(_ item: SourceTree.Item, in tree: SourceTree) throws(FileError) -> SharedDescriptor {
    if let file { return file }
    let descriptor = SharedDescriptor(try tree.open(item))
    if tree.shape == .file { file = descriptor }
    return descriptor
  }

  private func begin(_ ranges: [Range<UInt64>]) throws(FileError) {
    var held: UInt64 = 0
    switch kind {
    case .text(let bytes):
      content = BytesSource(bytes)
      announced = UInt64(bytes.count)
    case .stream(let source): content = source
    case .tree(let tree) where tree.shape == .file:
      let item = tree.items[0]
      let descriptor = try open(item, in: tree)
      content = try FileContentSource(
        loop, descriptor, name: item.entry.path.text, ranges: ranges
      ) { number throws(FileError) in try tree.confirm(number, item) }
      let length = ranges.reduce(0) { $0 + UInt64($1.count) }
      held = item.entry.size - length
      announced = length
      // Bytes that do not travel belong to the digest, too: the thread reads the whole file.
      if digest != nil {
        digest = nil
        let whole = try FileDigest(loop, descriptor, name: item.entry.path.text, size: item.entry.size)
        whole.advance(to: item.entry.size)
        fileDigest = whole
      }
    case .tree(let tree):
      let wanted = ranges.flatMap { Array(Int($0.lowerBound)..<Int($0.upperBound)) }
      held = tree.bytes - wanted.reduce(0) { $0 + tree.items[$1].entry.size }
      content = try TarStreamWriter(loop, tree, wanted: wanted)
    }
    content?.readable = { [weak self] in self?.readable() }
    content?.wantsRead = wantsRead
    if let announced, announced > 0 { sender.beginContent(length: announced) }
    answered(held)
    wake()
  }

  private func contentEnded() throws(FileError) {
    hasContentEnded = true
    guard announced ?? 0 == 0 else { throw .content("the source became shorter while it was read") }
    guard let fileDigest else {
      contentDigest = digest?.finish()
      return sender.endContent(digest: contentDigest)
    }
    fileDigest.finish { [weak self] result in
      guard let self else { return }
      switch result {
      case .success(let digest):
        contentDigest = digest
        sender.endContent(digest: digest)
        readable()
      case .failure(let error): fail(error)
      }
    }
  }
}

extension OutgoingTransfer: PayloadSource {
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> ReadResult {
    work()
    if let failure { throw failure }
    let count = sender.write(into: buffer)
    if count > 0 { return .bytes(count) }
    if sender.isEnded { return .end }
    guard let content, !hasContentEnded else { return .wouldBlock }
    return try announced == nil ? readPiece(of: content, into: buffer) : readAnnounced(content, into: buffer)
  }

  /// Content whose whole length was told before it.
  private func readAnnounced(
    _ content: any PayloadSource, into buffer: UnsafeMutableRawBufferPointer
  ) throws(FileError) -> ReadResult {
    let result = try content.read(into: buffer)
    switch result {
    case .bytes(let count):
      guard UInt64(count) <= announced ?? 0 else {
        throw .content("the source became longer while it was read")
      }
      announced = (announced ?? 0) - UInt64(count)
      digest?.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      return result
    case .wouldBlock: return result
    case .end:
      try contentEnded()
      return sender.hasOutput ? .bytes(sender.write(into: buffer)) : .wouldBlock
    }
  }

  /// Content of unknown length: each piece goes behind its length.
  private func readPiece(
    of content: any PayloadSource, into buffer: UnsafeMutableRawBufferPointer
  ) throws(FileError) -> ReadResult {
    guard buffer.count > Self.frameLength else { return .wouldBlock }
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer[Self.frameLength...])
    switch try content.read(into: room) {
    case .bytes(let count):
      digest?.update(UnsafeRawBufferPointer(rebasing: room[..<count]))
      sender.beginContent(length: UInt64(count))
      let written = sender.write(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<Self.frameLength]))
      precondition(written == Self.frameLength, "a message of another length")
      return .bytes(Self.frameLength + count)
    case .wouldBlock: return .wouldBlock
    case .end:
      try contentEnded()
      return sender.hasOutput ? .bytes(sender.write(into: buffer)) : .wouldBlock
    }
  }
}

extension OutgoingTransfer: PayloadOutput {
  /// Takes answers of the receiver.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    guard !hasRefused else { return bytes.count }
    do throws(TransferFault) {
      try sender.receive(bytes)
    } catch {
      hasRefused = true
      loop.defer { [weak self] in self?.refused("\(error)") }
      return bytes.count
    }
    work()
    wake()
    return bytes.count
  }

  public func finish(_ done: @escaping (Result<Void, FileError>) -> Void) { done(.success(())) }
}

/// Bytes that are there already.
final class BytesSource: PayloadSource {
  var readable: () -> Void = {}
  var wantsRead = false
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> ReadResult {
    guard !rest.isEmpty else { return .end }
    let part = rest.prefix(buffer.count)
    buffer.copyBytes(from: part)
    rest = rest.dropFirst(part.count)
    return .bytes(part.count)
  }
}
