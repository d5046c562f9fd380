import Basics
import Crypto
import Testing
import Wire

@testable import Engine

/// Both sides of a transfer in memory, over content that is an array of bytes.
private struct TransferPair {
  var sender: TransferSender
  var receiver = TransferReceiver()
  /// What the sender has, item by item.
  var content: [[UInt8]]
  /// What the receiver has, item by item.
  var partial: [[UInt8]] = []
  var holdings: [Range<UInt64>] = []
  var digest: Bytes32?
  /// How many bytes the sender's stream is cut into.
  var step = 1_000_000
  var wanted: [Range<UInt64>]?
  var received: [UInt8] = []
  var trailer: Bytes32??
  var piecesAsked = 0

  init(_ offer: TransferOffer, entries: [TreeEntry] = [], content: [[UInt8]]) {
    sender = TransferSender(offer, entries: entries)
    self.content = content
  }

  private static func digests(_ pieces: TransferPieces, _ items: [[UInt8]]) -> [Bytes32] {
    pieces.pieces.map { piece in
      let item = items[pieces.item]
      let bytes = TransferPieces.bytes(of: piece, size: UInt64(item.count))
      return SHA256.digest([Array(item[Int(bytes.lowerBound)..<Int(bytes.upperBound)])])
    }
  }

  mutating func run() throws {
    var moved = true
    while moved {
      moved = false
      let toReceiver = withUnsafeTemporaryAllocation(byteCount: step, alignment: 8) { buffer in
        Array(buffer[..<sender.write(into: buffer)])
      }
      if !toReceiver.isEmpty {
        moved = true
        try deliver(toReceiver)
      }
      while let effect = receiver.pollEffect() {
        moved = true
        handle(effect)
      }
      let toSender = withUnsafeTemporaryAllocation(byteCount: step, alignment: 8) { buffer in
        Array(buffer[..<receiver.write(into: buffer)])
      }
      if !toSender.isEmpty {
        moved = true
        try toSender.withUnsafeBytes { try sender.receive($0) }
      }
      while let effect = sender.pollEffect() {
        moved = true
        try handle(effect)
      }
    }
  }

  private mutating func deliver(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      if receiver.contentRemaining > 0 {
        let count = min(rest.count, Int(receiver.contentRemaining))
        received += rest.prefix(count)
        rest = rest.dropFirst(count)
        receiver.took(content: UInt64(count))
        continue
      }
      let taken = try Array(rest).withUnsafeBytes { try receiver.receive($0) }
      rest = rest.dropFirst(taken)
      while let effect = receiver.pollEffect() { handle(effect) }
    }
  }

  private mutating func handle(_ effect: TransferReceiver.Effect) {
    switch effect {
    case .decide: receiver.accept(holdings: holdings)
    case .digest(let pieces):
      piecesAsked += pieces.pieces.count
      receiver.computed(Self.digests(pieces, partial))
    case .begin(let ranges): wanted = ranges
    case .complete(let digest): trailer = .some(digest)
    }
  }

  private mutating func handle(_ effect: TransferSender.Effect) throws {
    switch effect {
    case .digest(let pieces): sender.computed(Self.digests(pieces, content))
    case .stream(let ranges):
      let bytes: [UInt8] =
        switch sender.offer.kind {
        case .file: ranges.flatMap { content[0][Int($0.lowerBound)..<Int($0.upperBound)] }
        case .text, .stream: content[0]
        case .directory, .several:
          ranges.flatMap { content[Int($0.lowerBound)..<Int($0.upperBound)] }.flatMap { $0 }
        }
      if !bytes.isEmpty {
        sender.beginContent(length: UInt64(bytes.count))
        let header = withUnsafeTemporaryAllocation(byteCount: 100, alignment: 8) { buffer in
          Array(buffer[..<sender.write(into: buffer)])
        }
        try deliver(header + bytes)
      }
      sender.endContent(digest: digest)
    }
  }
}

@Suite("Sender and receiver of a transfer")
struct TransferTests {
  private static func bytes(_ count: Int) -> [UInt8] {
    var random = SeededGenerator(seed: 3)
    return random.bytes(count)
  }

  private static func file(_ size: Int, isVerified: Bool = false) throws -> TransferOffer {
    TransferOffer(kind: .file, name: try FileName("f"), size: UInt64(size), isVerified: isVerified)
  }

  @Test("a file travels whole", arguments: [0, 1, 100_000], [1, 7, 1_000_000])
  func whole(size: Int, step: Int) throws {
    let content = Self.bytes(size)
    var pair = TransferPair(try Self.file(size), content: [content])
    pair.step = step
    try pair.run()
    #expect(pair.receiver.isEnded && pair.sender.isEnded)
    #expect(pair.wanted == (size == 0 ? [] : [0..<UInt64(size)]))
    let isSame = pair.received == content
    #expect(isSame)
    #expect(pair.trailer == .some(.none))
  }

  @Test("only what is missing or differs travels")
  func resume() throws {
    let piece = Int(TransferDigests.pieceLength)
    let content = Self.bytes(6 * piece + 10)
    var partial = Array(content[..<(5 * piece)])
    partial[piece + 5] ^= 1
    var pair = TransferPair(try Self.file(content.count), content: [content])
    pair.partial = [partial]
    pair.holdings = [0..<UInt64(5 * piece)]
    try pair.run()
    let unit = UInt64(piece)
    #expect(pair.wanted == [unit..<2 * unit, 5 * unit..<UInt64(content.count)])
    #expect(pair.receiver.agreedBytes == unit * 2 + 10)
    let isSame = pair.received == Array(content[piece..<2 * piece] + content[(5 * piece)...])
    #expect(isSame)
  }

  @Test("nothing of a complete file travels, and it is still verified")
  func complete() throws {
    let content = Self.bytes(3_000_000)
    var pair = TransferPair(try Self.file(content.count, isVerified: true), content: [content])
    pair.partial = [content]
    pair.holdings = [0..<3_000_000]
    pair.digest = SHA256.digest([content])
    try pair.run()
    #expect(pair.wanted?.isEmpty == true)
    #expect(pair.received.isEmpty)
    #expect(pair.trailer == .some(SHA256.digest([content])))
  }

  @Test("many pieces are compared step by step")
  func steps() throws {
    let size = Int(TransferDigests.pieceLength) * 130
    let content = [UInt8](repeating: 7, count: size)
    var pair = TransferPair(try Self.file(size), content: [content])
    pair.partial = [content]
    pair.holdings = [0..<UInt64(size)]
    try pair.run()
    #expect(pair.piecesAsked == 130)
    #expect(pair.wanted?.isEmpty == true)
  }

  private static func entry(_ path: String, _ size: Int) throws -> TreeEntry {
    TreeEntry(
      path: try RelativePath(path.utf8), kind: .file, size: UInt64(size), mode: 0o644,
      modified: FileTime(seconds: 1, nanoseconds: 0))
  }

  @Test("of a directory only the files that are missing or differ travel")
  func directory() throws {
    let files = [Self.bytes(10), [], Self.bytes(2_000_000), Self.bytes(20)]
    let entries = try files.enumerated().map { try Self.entry("f\($0)", $1.count) }
    let sum = UInt64(files.reduce(0) { $0 + $1.count })
    var pair = TransferPair(
      TransferOffer(kind: .directory, name: try FileName("d"), size: sum, entryCount: 4), entries: entries,
      content: files)
    pair.partial = files
    pair.partial[2][1_500_000] ^= 1
    pair.holdings = [0..<3]
    pair.step = 11
    try pair.run()
    #expect(pair.receiver.isEnded)
    // The empty file has no digest to compare, so it is sent.
    #expect(pair.wanted == [1..<4])
    #expect(pair.receiver.entries == entries)
  }

  @Test("text and streams have nothing to resume", arguments: [TransferOffer.Kind.text, .stream])
  func text(kind: TransferOffer.Kind) throws {
    let content = Self.bytes(77)
    var pair = TransferPair(TransferOffer(kind: kind, size: kind == .text ? 77 : nil), content: [content])
    try pair.run()
    #expect(pair.received == content)
    #expect(pair.receiver.isEnded)
  }

  // MARK: Hostile peers

  private func fault(of messages: [TransferMessage]) -> TransferFault? {
    var receiver = TransferReceiver()
    do {
      for message in messages {
        let bytes = message.serialized()
        var offset = 0
        while offset < bytes.count {
          offset += try bytes[offset...].withUnsafeBytes { try receiver.receive($0) }
        }
        while let effect = receiver.pollEffect() {
          if case .decide = effect { receiver.accept(holdings: []) }
        }
        if case .content(let length) = message { receiver.took(content: length) }
      }
    } catch {
      return error as? TransferFault
    }
    return nil
  }

  @Test("a sender that keeps no order or says what cannot be is found out")
  func hostileSender() throws {
    let offer = TransferMessage.offer(try Self.file(10))
    #expect(fault(of: [.content(length: 1)]) == .unexpected(.content))
    #expect(fault(of: [offer, offer]) == .unexpected(.offer))
    #expect(
      fault(of: [offer, .holdings(TransferRanges(ranges: [], isLast: true))]) == .unexpected(.holdings))
    #expect(fault(of: [offer, .content(length: 11)]) == .otherLength)
    #expect(fault(of: [offer, .content(length: 9), .trailer(digest: nil)]) == .otherLength)
    #expect(fault(of: [offer, .content(length: 10), .trailer(digest: .zero)]) == .otherLength)
    #expect(
      fault(of: [offer, .content(length: 10), .trailer(digest: nil), .trailer(digest: nil)]) == .otherLength)
    #expect(
      fault(of: [offer, .digests(TransferDigests(item: 0, firstPiece: 0, digests: [.zero]))])
        == .unexpected(.digests))
  }

  @Test("a manifest that is not what was offered is refused")
  func hostileManifest() throws {
    let tree = TransferOffer(kind: .directory, name: try FileName("d"), size: 5, entryCount: 2)
    let five = try Self.entry("a", 5)
    let other = try Self.entry("b", 0)
    let twin = try Self.entry("A", 0)
    let orphan = try Self.entry("x/y", 0)
    func list(_ entries: TreeEntry...) -> TransferMessage { .manifest(TransferManifest(entries: entries)) }
    #expect(fault(of: [.offer(tree), list(five), list(other)]) == nil)
    #expect(fault(of: [.offer(tree), list(five, other, other)]) == .otherSum)
    #expect(fault(of: [.offer(tree), list(other, five), list(five)]) == .unexpected(.manifest))
    #expect(fault(of: [.offer(tree), list()]) == .otherSum)
    #expect(fault(of: [.offer(tree), list(five, twin)]) == .manifest(.duplicate))
    #expect(fault(of: [.offer(tree), list(five, orphan)]) == .manifest(.noParent))
    #expect(fault(of: [.offer(tree), list(try Self.entry("a", 4), other)]) == .otherSum)
  }

  @Test("a receiver that wants or has what does not exist is found out")
  func hostileReceiver() throws {
    func fault(_ messages: TransferMessage...) throws -> TransferFault? {
      var sender = TransferSender(try Self.file(3_000_000))
      withUnsafeTemporaryAllocation(byteCount: 1_000, alignment: 8) { while sender.write(into: $0) > 0 {} }
      do {
        for message in messages {
          try message.serialized().withUnsafeBytes { try sender.receive($0) }
        }
      } catch {
        return error as? TransferFault
      }
      return nil
    }
    func ranges(_ ranges: [Range<UInt64>]) -> TransferRanges { TransferRanges(ranges: ranges, isLast: true) }
    #expect(try fault(.holdings(ranges([])), .wants(ranges([0..<3_000_000]))) == nil)
    #expect(try fault(.holdings(ranges([])), .wants(ranges([0..<3_000_001]))) == .outOfBounds)
    #expect(try fault(.holdings(ranges([0..<3_000_001]))) == .outOfBounds)
    #expect(try fault(.holdings(ranges([0..<5]))) == .outOfBounds)
    #expect(try fault(.wants(ranges([]))) == .unexpected(.wants))
    #expect(try fault(.holdings(ranges([])), .holdings(ranges([]))) == .unexpected(.holdings))
    #expect(try fault(.content(length: 1)) == .unexpected(.content))
    let first = TransferMessage.wants(TransferRanges(ranges: [5..<9], isLast: false))
    #expect(try fault(.holdings(ranges([])), first, .wants(ranges([8..<10]))) == .outOfBounds)
  }
}
