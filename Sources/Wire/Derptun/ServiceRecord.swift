/// One entry of the service registry: a secret under a name.
public struct ServiceRecord: Hashable, Sendable {
  /// The kind of a client credential; there are others, which belong to other programs.
  public static let clientTokenKind = "derptun-client-token"
  /// The longest name, in bytes.
  public static let longestName = 128

  /// The record's own version, 1.
  var version = 1
  /// What people call it.
  public var name = ""
  /// What the value is.
  public var kind = ""
  /// The secret.
  public var value = ""
  /// When it was put there, in seconds of Unix time.
  public var createdUnixSeconds: Int64 = 0
  /// From this second of Unix time on it is void; 0 for never.
  public var expiresUnixSeconds: Int64 = 0

  /// The record of a client credential.
  public init(name: String, token: DerptunClientToken, createdUnixSeconds: Int64) {
    self.name = name
    kind = Self.clientTokenKind
    value = token.encoded()
    self.createdUnixSeconds = createdUnixSeconds
    expiresUnixSeconds = token.expiresUnixSeconds
  }

  private init() {}

  /// Whether a text may be a name: 1 to 128 of the characters that are plain everywhere, beginning with none that
  /// would make it an option or a hidden file, and without two dots in a row.
  public static func isName(_ text: String) -> Bool {
    let characters = Array(text.utf8)
    guard (1...longestName).contains(characters.count), let first = characters.first,
      first != UInt8(ascii: "."), first != UInt8(ascii: "-")
    else { return false }
    let hasTwoDots = zip(characters, characters.dropFirst()).contains {
      $0 == UInt8(ascii: ".") && $1 == UInt8(ascii: ".")
    }
    return !hasTwoDots && characters.allSatisfy(isNameCharacter)
  }

  private static func isNameCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  func isExpired(at nowUnixSeconds: Int64) -> Bool {
    expiresUnixSeconds > 0 && expiresUnixSeconds <= nowUnixSeconds
  }

  func isToken(at nowUnixSeconds: Int64) -> Bool {
    kind == Self.clientTokenKind && !isExpired(at: nowUnixSeconds)
  }
}

extension ServiceRecord: JSONObject {
  static var blank: ServiceRecord {
    var record = ServiceRecord()
    record.version = 0
    return record
  }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "version": try value.store(into: &version)
    case "name": try value.store(into: &self.name)
    case "kind": try value.store(into: &kind)
    case "value": try value.store(into: &self.value)
    case "created_unix": try value.store(into: &createdUnixSeconds)
    case "expires_unix": try value.store(into: &expiresUnixSeconds)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("version", version)
    writer.member("name", name)
    writer.member("kind", kind)
    writer.member("value", value)
    writer.member("created_unix", createdUnixSeconds)
    writer.member("expires_unix", expiresUnixSeconds)
  }
}

extension ServiceRecord: CustomStringConvertible {
  /// What it is, without its secret.
  public var description: String { "\(kind) \(name)" }
}
