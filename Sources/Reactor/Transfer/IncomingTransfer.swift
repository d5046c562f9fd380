import Basics
import Crypto
import Engine
import Glibc
import Wire

/// What a session receives in a transfer, and what its answers come from: runs `TransferReceiver` on partial files,
/// partial trees and outputs.
public final class IncomingTransfer {
  /// Where the content goes.
  public enum Destination {
    case output(any PayloadOutput)
    case target(TransferTarget)
  }

  public var readable: () -> Void = {}
  public var wantsRead = false
  public var writable: () -> Void = {}
  public var wantsWrite = false {
    didSet { stream?.wantsWrite = wantsWrite }
  }

  /// Is asked once what to do with an offer: call `accept`, or end the session. The entries are those of a directory.
  public var decide: (TransferOffer, [TreeEntry]) -> Void = { _, _ in }
  /// Is called once when the sender does what it must not; the words hold nothing of its own.
  public var refused: (String) -> Void = { _ in }
  /// Is called when the content begins: how many bytes of it are there already.
  public var began: (UInt64) -> Void = { _ in }

  private let loop: EventLoop
  private var receiver = TransferReceiver()
  private var destination: Destination?
  /// Takes content in order.
  private var stream: (any PayloadOutput)?
  /// Takes content in any order.
  private var blocks: BlockWriter?
  private var contentLength: UInt64 = 0
  /// How much of the whole stream came in order.
  private var consumed: UInt64 = 0
  public private(set) var placementStart: UInt64?
  /// What comes behind content that is placed: a trailer.
  private var trailer = [UInt8](repeating: 0, count: TransferMessage.longestTrailer)
  private var trailerLength = 0
  private var digest: ContentDigest?
  private var fileDigest: FileDigest?
  /// What the sender says that the content's digest is.
  private var announcedDigest: Bytes32?
  private let digests: HelperThread<FileDigests.Outcome>
  private let thread: HelperThread<Result<Void, FileError>>
  private var failure: FileError?
  private var hasRefused = false

  /// The digest of the content, once it is complete; only when the sender sends one.
  public private(set) var contentDigest: Bytes32?
  /// What is offered, once that is known.
  public var offer: TransferOffer? { receiver.offer }
  /// Whether the content has begun to come.
  public private(set) var hasBegun = false

  public init(_ loop: EventLoop) throws(FileError) {
    self.loop = loop
    thread = try helperThread(loop)
    do throws(SystemError) {
      digests = try HelperThread(loop, capacity: 1)
    } catch {
      throw .system(error)
    }
  }

  /// The offer is wanted, and its content goes there.
  public func accept(_ destination: Destination) {
    self.destination = destination
    receiver.accept(holdings: holdings(destination))
    work()
    readable()
  }

  /// What is there already and may be right.
  private func holdings(_ destination: Destination) -> [Range<UInt64>] {
    guard case .target(let target) = destination, let offer = receiver.offer else { return [] }
    if let tree = target.tree { return heldEntries(tree) }
    guard let size = offer.size, size > 0 else { return [] }
    let piece = TransferDigests.pieceLength
    let there = target.partialSize
    let usable = there >= size ? size : there - there % piece
    return usable > 0 ? [0..<usable] : []
  }

  /// Files whose size and time are right: they were complete when the transfer ended.
  private func heldEntries(_ tree: SafeDirectory) -> [Range<UInt64>] {
    var held: [Range<UInt64>] = []
    for (index, entry) in receiver.entries.enumerated() where entry.kind == .file && entry.size > 0 {
      guard let found = try? tree.status(entry.path), found.st_mode & S_IFMT == S_IFREG,
        UInt64(found.st_size) == entry.size, Int64(found.st_mtim.tv_sec) == entry.modified.seconds,
        UInt32(found.st_mtim.tv_nsec) == entry.modified.nanoseconds
      else { continue }
      let place = UInt64(index)
      if let last = held.last, last.upperBound == place {
        held[held.count - 1] = last.lowerBound..<place + 1
      } else {
        held.append(place..<place + 1)
      }
    }
    return held
  }

  // MARK: Work for the host

  private func work() {
    while let effect = receiver.pollEffect() {
      do {
        switch effect {
        case .decide(let offer):
          // The session is in the middle of a packet here: whoever decides may talk to it at once.
          loop.defer { [self] in decide(offer, receiver.entries) }
        case .digest(let pieces): try compute(pieces)
        case .begin(let ranges): try begin(ranges)
        case .complete(let digest): announcedDigest = digest
        }
      } catch {
        failure = failure ?? error
      }
    }
  }

  private func compute(_ pieces: TransferPieces) throws(FileError) {
    guard case .target(let target) = destination, let offer = receiver.offer else { return }
    var descriptor = target.partial
    var size = offer.size ?? 0
    if let tree = target.tree {
      let entry = receiver.entries[pieces.item]
      descriptor = SharedDescriptor(try tree.openFile(entry.path))
      size = entry.size
    }
    let isQueued = digests.submit { [descriptor, size, name = target.path] in
      FileDigests.compute(pieces, of: descriptor, size: size, name: name)
    } finished: { [unowned self] result in
      // What cannot be read any more is fetched again.
      receiver.computed((try? result.get()) ?? [])
      work()
      readable()
      writable()
    }
    if !isQueued { throw .content("no thread to read what is there already") }
  }

  private func begin(_ ranges: [Range<UInt64>]) throws(FileError) {
    guard let offer = receiver.offer, let destination else { return }
    hasBegun = true
    if offer.isVerified { digest = try FileDigests.newDigest() }
    switch destination {
    case .output(let output):
      adopt(output)
      began(0)
    case .target(let target):
      if let tree = target.tree {
        let wanted = ranges.flatMap { Array(Int($0.lowerBound)..<Int($0.upperBound)) }
        let entries = receiver.entries
        // In a partial everything is ours: what differs is made anew.
        adopt(
          try TarStreamReader(loop, into: tree, existing: .replace, entries: entries, wanted: wanted))
        began((offer.size ?? 0) - wanted.reduce(0) { $0 + entries[$1].size })
      } else {
        try beginFile(target, ranges, size: offer.size ?? 0)
      }
    }
  }

  private func adopt(_ output: any PayloadOutput) {
    stream = output
    // Unowned throughout: a weak reference would make every use of this object slower, and what calls back is ours.
    output.writable = { [unowned self] in writable() }
    output.wantsWrite = wantsWrite
  }

  private func beginFile(_ target: TransferTarget, _ ranges: [Range<UInt64>], size: UInt64) throws(FileError)
  {
    if digest != nil {
      digest = nil
      fileDigest = try FileDigest(loop, target.partial, name: target.path, size: size)
    }
    contentLength = ranges.reduce(0) { $0 + UInt64($1.count) }
    let writer = try BlockWriter(loop, target.partial, name: target.path, ranges: ranges)
    writer.written = { [unowned self, unowned writer] in
      fileDigest?.advance(to: writer.contiguousEnd)
      if wantsWrite { writable() }
    }
    blocks = writer
    began(size - contentLength)
  }

  private func refuse(_ fault: TransferFault) {
    hasRefused = true
    loop.defer { [self] in refused("\(fault)") }
  }
}

extension IncomingTransfer: PayloadSource {
  /// Answers to the sender.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> ReadResult {
    let count = receiver.write(into: buffer)
    return count > 0 ? .bytes(count) : .wouldBlock
  }
}

extension IncomingTransfer: PayloadOutput {
  public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    var offset = 0
    while offset < bytes.count, placementStart == nil {
      if let failure { throw failure }
      guard !hasRefused else { return bytes.count }
      let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
      let taken = receiver.contentRemaining > 0 ? try writeContent(rest) : receive(rest)
      guard taken > 0 else { break }
      offset += taken
      consumed += UInt64(taken)
      if receiver.contentRemaining > 0, blocks != nil { placementStart = consumed }
    }
    return offset
  }

  private func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
    do throws(TransferFault) {
      let taken = try receiver.receive(bytes)
      work()
      if receiver.hasOutput { loop.defer { [self] in readable() } }
      return taken
    } catch {
      refuse(error)
      return 0
    }
  }

  private func writeContent(_ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    guard let stream else { return 0 }
    let length = Int(min(UInt64(bytes.count), receiver.contentRemaining))
    let part = UnsafeRawBufferPointer(rebasing: bytes[..<length])
    let taken = try stream.write(part)
    digest?.update(UnsafeRawBufferPointer(rebasing: part[..<taken]))
    receiver.took(content: UInt64(taken))
    return taken
  }

  public var room: Int { (blocks?.room ?? 0) + TransferMessage.longestTrailer }

  public func place(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) -> Bool {
    if failure != nil { throw failure! }
    guard let start = placementStart, let blocks, !hasRefused else { return true }
    let position = offset - start
    let inContent = position < contentLength ? Int(min(UInt64(bytes.count), contentLength - position)) : 0
    if inContent > 0 {
      let part = UnsafeRawBufferPointer(rebasing: bytes[..<inContent])
      guard try blocks.place(part, at: position) else { return false }
    }
    guard inContent < bytes.count else { return true }
    let behind = Int(position + UInt64(inContent) - contentLength)
    guard behind + bytes.count - inContent <= trailer.count else {
      refuse(.otherLength)
      return true
    }
    trailer.replaceSubrange(behind..<behind + bytes.count - inContent, with: bytes[inContent...])
    trailerLength = max(trailerLength, behind + bytes.count - inContent)
    return true
  }

  public func flush() throws(FileError) { try stream?.flush() }

  public func finish(_ done: @escaping (Result<Void, FileError>) -> Void) {
    if placementStart != nil {
      receiver.took(content: receiver.contentRemaining)
      _ = trailer.withUnsafeBytes { receive(UnsafeRawBufferPointer(rebasing: $0[..<trailerLength])) }
    }
    if let failure { return done(.failure(failure)) }
    guard receiver.isEnded, !hasRefused else { return done(.failure(.content("\(TransferFault.cutShort)"))) }
    if let stream {
      stream.finish { [self] result in
        switch result {
        case .success: check(digest?.finish(), done)
        case .failure: done(result)
        }
      }
    } else if let blocks {
      blocks.finish { [self] result in
        switch result {
        case .success: checkFile(done)
        case .failure: done(result)
        }
      }
    } else {
      done(.failure(.content("\(TransferFault.cutShort)")))
    }
  }

  private func checkFile(_ done: @escaping (Result<Void, FileError>) -> Void) {
    guard let fileDigest, let size = receiver.offer?.size else { return check(nil, done) }
    fileDigest.advance(to: size)
    fileDigest.finish { [self] result in
      switch result {
      case .success(let digest): check(digest, done)
      case .failure(let error): done(.failure(error))
      }
    }
  }

  /// Compares the digest, then gives the content its name.
  private func check(_ digest: Bytes32?, _ done: @escaping (Result<Void, FileError>) -> Void) {
    contentDigest = digest
    guard digest == announcedDigest else {
      return done(.failure(.content("the digest of what arrived is not the sender's")))
    }
    guard case .target(let target) = destination, let offer = receiver.offer else {
      return done(.success(()))
    }
    let isQueued = thread.submit {
      Result { () throws(FileError) in
        if target.tree == nil {
          try target.completeFile(size: offer.size ?? 0, offer: offer)
        } else {
          try target.completeTree(offer: offer)
        }
      }
    } finished: { result in
      done(result)
    }
    if !isQueued { done(.failure(.content("no thread to complete \(target.path)"))) }
  }
}
