/// What `ssh accept` says: its public key.
///
/// Layout: version 1 (1), then the key's line up to the end of the stream.
public struct SSHKeyOffer: Hashable, Sendable {
  public static let version: UInt8 = 1
  /// The longest offer in bytes.
  public static let longest = 1 + SSHPublicKey.longestLine

  public var key: SSHPublicKey

  public init(key: SSHPublicKey) { self.key = key }

  public static func parse(_ bytes: [UInt8]) throws(SSHKeyError) -> SSHKeyOffer {
    guard bytes.first == version else { throw .malformed }
    guard bytes.count <= longest else { throw .tooLong }
    return SSHKeyOffer(key: try SSHPublicKey.parse(Array(bytes.dropFirst())))
  }

  public func serialized() -> [UInt8] { [Self.version] + Array(key.line.utf8) }
}

/// What `ssh invite` answers.
///
/// Layout: version 1 (1), outcome (1), then fields, each with its length (2, big-endian) before it: user, host, reason,
/// and any number of fingerprints of the host's keys. All of it is text of the peer: escape before printing.
public struct SSHKeyAnswer: Hashable, Sendable {
  public enum Outcome: UInt8, Sendable, CaseIterable {
    /// The key was written.
    case added = 0
    /// The key was there before.
    case present = 1
    /// The person at the host said no.
    case declined = 2
    /// The key cannot be accepted, or not be written.
    case failed = 3
  }

  public static let version: UInt8 = 1
  /// The longest answer in bytes.
  public static let longest = 8_192
  /// The longest field in bytes.
  public static let longestField = 512
  /// The most fingerprints.
  public static let mostFingerprints = 8

  public var outcome: Outcome
  /// The account that the key opens.
  public var user = ""
  /// What the host calls itself.
  public var host = ""
  /// Why the key was not taken.
  public var reason = ""
  public var fingerprints: [String] = []

  public init(outcome: Outcome) { self.outcome = outcome }

  /// Throws `SSHKeyError.malformed` for anything that is no answer.
  public static func parse(_ bytes: [UInt8]) throws(SSHKeyError) -> SSHKeyAnswer {
    guard bytes.count <= longest else { throw .tooLong }
    var fields: [String] = []
    guard bytes.count >= 2, bytes[0] == version, let outcome = Outcome(rawValue: bytes[1]) else {
      throw .malformed
    }
    var rest = bytes.dropFirst(2)
    while !rest.isEmpty {
      guard rest.count >= 2 else { throw .malformed }
      let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
      rest = rest.dropFirst(2)
      guard length <= longestField, length <= rest.count, fields.count < 3 + mostFingerprints,
        let text = String(validating: Array(rest.prefix(length)), as: UTF8.self)
      else { throw .malformed }
      fields.append(text)
      rest = rest.dropFirst(length)
    }
    guard fields.count >= 3 else { throw .malformed }
    var answer = SSHKeyAnswer(outcome: outcome)
    (answer.user, answer.host, answer.reason) = (fields[0], fields[1], fields[2])
    answer.fingerprints = Array(fields[3...])
    return answer
  }

  /// The bytes; fields that are too long are cut at a character's boundary.
  public func serialized() -> [UInt8] {
    var bytes = [Self.version, outcome.rawValue]
    for field in [user, host, reason] + fingerprints.prefix(Self.mostFingerprints) {
      var text = field
      while text.utf8.count > Self.longestField { text.removeLast() }
      bytes.append(bigEndian: UInt16(text.utf8.count))
      bytes += Array(text.utf8)
    }
    return bytes
  }
}
