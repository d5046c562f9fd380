import Basics
import Testing
import Wire

@Suite("Messages of the transfer protocol")
struct TransferMessageTests {
  private static let time = FileTime(seconds: 1_700_000_000, nanoseconds: 7)

  private static func samples() throws -> [TransferMessage] {
    let path = try RelativePath("a/b".utf8)
    let link = try RelativePath("a/l".utf8)
    return [
      .offer(
        TransferOffer(
          kind: .file, name: try FileName("größe.txt"), size: 12, mode: 0o640, modified: time,
          isVerified: true)),
      .offer(TransferOffer(kind: .stream, size: nil)),
      .offer(TransferOffer(kind: .directory, name: try FileName("d"), size: 0, entryCount: 2)),
      .manifest(
        TransferManifest(entries: [
          TreeEntry(path: try RelativePath("a".utf8), kind: .directory, size: 0, mode: 0o755, modified: time),
          TreeEntry(path: path, kind: .file, size: 1 << 40, mode: 0o600, modified: time),
          TreeEntry(
            path: link, kind: .link(try LinkTarget("b".utf8, of: link)), size: 0, mode: 0o777, modified: time),
        ])),
      .digests(
        TransferDigests(item: 3, firstPiece: 9, digests: [.zero, Bytes32(words: (1, 2, 3, 4))])),
      .content(length: 1), .trailer(digest: nil), .trailer(digest: Bytes32(words: (5, 6, 7, 8))),
      .holdings(TransferRanges(ranges: [0..<9], isLast: true)),
      .wants(TransferRanges(ranges: [0..<1, 2..<3], isLast: false)),
    ]
  }

  @Test("come back as they were written, in pieces of any size", arguments: [1, 2, 3, 7, 64, 1 << 20])
  func roundTrip(step: Int) throws {
    let messages = try Self.samples()
    let bytes = messages.flatMap { $0.serialized() }
    let result = bytes.withUnsafeBytes { TransferProperties.read($0, step: step) }
    #expect(result.error == nil)
    let isEqual = result.messages == messages
    #expect(isEqual)
  }

  @Test("the reader takes no byte beyond a message")
  func boundary() throws {
    let bytes = TransferMessage.content(length: 3).serialized() + [1, 2, 3]
    var reader = TransferMessageReader()
    let (taken, message) = try bytes.withUnsafeBytes { try reader.next($0) }
    #expect(message == .content(length: 3))
    #expect(taken == bytes.count - 3)
    #expect(!reader.isWithinMessage)
  }

  private func refusal(_ bytes: [UInt8]) -> TransferError? {
    bytes.withUnsafeBytes { TransferProperties.read($0, step: $0.count) }.error
  }

  @Test(
    "a length beyond the limit is refused before its body comes", arguments: TransferMessage.Kind.allCases)
  func tooLong(kind: TransferMessage.Kind) {
    let length = UInt32(kind.longestBody + 1)
    let header = [kind.rawValue] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32($0))) }
    #expect(refusal(header) == .tooLong)
  }

  @Test("what no sender may write is refused")
  func malformed() throws {
    #expect(refusal([9, 0, 0, 0, 0]) == .unknownType(9))
    #expect(refusal([4, 0, 0, 0, 8] + [UInt8](repeating: 0, count: 8)) == .malformed)
    #expect(refusal([5, 0, 0, 0, 1, 2]) == .malformed)
    #expect(
      refusal(TransferMessage.wants(TransferRanges(ranges: [4..<9, 5..<10], isLast: true)).serialized())
        != nil)
    #expect(
      refusal(TransferMessage.wants(TransferRanges(ranges: [4..<9, 9..<10], isLast: true)).serialized())
        != nil)
    // A file without a name, a stream with a size.
    #expect(refusal(TransferMessage.offer(TransferOffer(kind: .file, size: 1)).serialized()) == .malformed)
    #expect(refusal(TransferMessage.offer(TransferOffer(kind: .stream, size: 1)).serialized()) == .malformed)
  }

  @Test("a name that leads elsewhere is refused", arguments: ["../x", "a/b", "..", "a\u{1B}b"])
  func names(name: String) throws {
    // Written over a name of the same length that is fine.
    let plain = String(repeating: "n", count: name.utf8.count)
    var bytes = TransferMessage.offer(TransferOffer(kind: .file, name: try FileName(plain), size: 1))
      .serialized()
    bytes.replaceSubrange((bytes.count - name.utf8.count)..., with: Array(name.utf8))
    guard case .name? = refusal(bytes) else {
      Issue.record("\(name) was taken")
      return
    }
  }

  @Test("another version is refused as such")
  func version() throws {
    var bytes = TransferMessage.offer(TransferOffer(kind: .text, size: 1)).serialized()
    bytes[TransferMessage.headerLength] = 2
    #expect(refusal(bytes) == .unsupportedVersion(2))
  }
}
