/// The file in which a person's client credentials are kept under names, shared with upstream's programs.
public struct ServiceRegistry: Hashable, Sendable {
  /// The longest file that is read, in bytes.
  public static let maximumLength = 1 << 20
  private static let version = 1

  /// What is kept, by name. Kinds that are not known here stay as they are when the file is written again.
  private(set) var records: [String: ServiceRecord] = [:]

  /// A registry without records.
  public init() {}

  /// Reads a registry's file.
  public static func parse(_ json: UnsafeRawBufferPointer) throws(ServiceRegistryError) -> ServiceRegistry {
    let document: RegistryDocument
    do {
      document = try RegistryDocument(
        json: json, limits: JSONLimits(maximumBytes: maximumLength, maximumValues: 65_536))
    } catch {
      throw .json(error)
    }
    guard document.version == version else { throw .unsupportedVersion(document.version) }
    var registry = ServiceRegistry()
    for (name, record) in document.records {
      guard record.version == version, ServiceRecord.isName(name), record.name == name else {
        throw .badRecord(name)
      }
      registry.records[name] = record
    }
    return registry
  }

  /// The file's content, names in order.
  public func serialized() -> [UInt8] {
    let document = RegistryDocument(version: Self.version, records: records)
    return JSONIndentation.indented(document.canonicalJSON)
  }

  /// The record of a client credential that has not expired; nil without one.
  public func token(named name: String, nowUnixSeconds: Int64) -> ServiceRecord? {
    guard let record = records[name], record.isToken(at: nowUnixSeconds) else { return nil }
    return record
  }

  /// All client credentials that have not expired, in the order of their names.
  public func tokens(nowUnixSeconds: Int64) -> [ServiceRecord] {
    records.values.filter { $0.isToken(at: nowUnixSeconds) }.sorted { $0.name < $1.name }
  }

  /// Keeps a record in place of the one that has its name.
  public mutating func set(_ record: ServiceRecord, nowUnixSeconds: Int64) throws(ServiceRegistryError) {
    guard ServiceRecord.isName(record.name) else { throw .badName(record.name) }
    guard !record.isExpired(at: nowUnixSeconds) else { throw .expired }
    records[record.name] = record
  }

  /// Forgets a client credential, expired or not; false when none has that name.
  public mutating func removeToken(named name: String) -> Bool {
    guard records[name]?.kind == ServiceRecord.clientTokenKind else { return false }
    records[name] = nil
    return true
  }
}

/// Why a registry cannot be read or changed.
public enum ServiceRegistryError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Not JSON of the right shape.
  case json(JSONError)
  /// Written by a later program.
  case unsupportedVersion(Int)
  /// A record that does not belong under its name, or of a later version.
  case badRecord(String)
  /// A text that cannot be a name.
  case badName(String)
  /// What is to be kept is void already.
  case expired

  public var description: String {
    switch self {
    case .json(let error): "\(error)"
    case .unsupportedVersion(let version): "version \(version) is not known here"
    case .badRecord(let name): "the record \(printableQuoted(name)) is damaged"
    case .badName(let name):
      "\(printableQuoted(name)) is no name of a service: 1 to \(ServiceRecord.longestName) letters, digits, "
        + "hyphens, underscores and single dots, the first no hyphen or dot"
    case .expired: "the token has expired"
    }
  }
}

/// A registry as Go declares it.
private struct RegistryDocument: JSONObject {
  var version = 0
  var records: [String: ServiceRecord] = [:]

  static var blank: RegistryDocument { RegistryDocument() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "version": try value.store(into: &version)
    case "records":
      switch value {
      case .null: records = [:]
      case .object(let members):
        // Keys of a map keep their case; of two that are equal the later one counts.
        for member in members {
          var record = ServiceRecord.blank
          try member.value.store(into: &record)
          records[member.name] = record
        }
      default: throw .wrongShape
      }
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("version", version)
    writer.name("records")
    writer.object { writer in
      for (name, record) in records.sorted(by: { $0.key < $1.key }) {
        writer.name(text: name)
        writer.object { record.writeMembers(to: &$0) }
      }
    }
  }
}
