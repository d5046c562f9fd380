import Basics

/// Clients and credentials that a tunnel's server turns away though their proof is good: one ID in hex a line, of a
/// client or of one credential. Text behind `#` is a remark.
public struct RevocationList: Hashable, Sendable {
  /// The longest list, in bytes.
  public static let maximumLength = 1 << 20

  /// What the list names. IDs are random, so nothing has to tell one kind from the other.
  public private(set) var ids: Set<Bytes16> = []

  /// The list that names nobody.
  public init() {}

  /// Reads a list. One bad line makes the whole of it bad: who mistypes an ID must not believe that it is revoked.
  public static func parse(_ bytes: UnsafeRawBufferPointer) throws(RevocationListError) -> RevocationList {
    guard bytes.count <= maximumLength else { throw .tooLong }
    var list = RevocationList()
    var number = 0
    for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      number += 1
      let text = trimmed(line.prefix { $0 != UInt8(ascii: "#") })
      if text.isEmpty { continue }
      guard let id = Hex.decode(String(decoding: text, as: UTF8.self)).flatMap({ Bytes16($0) }) else {
        throw .badLine(number)
      }
      list.ids.insert(id)
    }
    return list
  }

  /// Whether the client, or this credential of it, is turned away.
  public func contains(clientID: Bytes16, tokenID: Bytes16) -> Bool {
    ids.contains(clientID) || ids.contains(tokenID)
  }

  private static func trimmed(_ text: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
    var rest = text.drop(while: isBlank)
    while let last = rest.last, isBlank(last) { rest.removeLast() }
    return rest
  }
}

/// Why a list of revocations cannot be used.
public enum RevocationListError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The line of that number, the first being 1, is no ID.
  case badLine(Int)
  /// More bytes than are looked at.
  case tooLong

  public var description: String {
    switch self {
    case .badLine(let number): "line \(number) is no client ID or token ID of 32 hex digits"
    case .tooLong: "longer than \(RevocationList.maximumLength) bytes"
    }
  }
}
