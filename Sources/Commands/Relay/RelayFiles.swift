import Basics
import Crypto
import Glibc
import Reactor

/// The small files that a relay reads: its own key and the keys that may join.
enum RelayFiles {
  private static let limit = 8 << 20

  /// The relay's key: from the file, or a new one that is kept there; without a file always a new one.
  static func key(
    _ path: String?, _ random: inout some RandomNumberGenerator
  ) throws(RelayFailure) -> X25519PrivateKey {
    guard let path else { return X25519PrivateKey(random: &random) }
    if access(path, F_OK) != 0, errno == ENOENT {
      let key = X25519PrivateKey(random: &random)
      var text = Array("privkey:".utf8)
      key.withUnsafeBytes { text += Hex.encode($0).utf8 }
      text.append(UInt8(ascii: "\n"))
      defer { wipe(&text) }
      do {
        try SmallFile.replace(path, with: text)
      } catch {
        throw .file(error.description)
      }
      return key
    }
    var bytes = try read(path)
    defer { wipe(&bytes) }
    let line = trimmed(bytes[...])
    let prefix = Array("privkey:".utf8)
    guard line.starts(with: prefix), let raw = hex(line.dropFirst(prefix.count)),
      let key = X25519PrivateKey(clamping: raw)
    else { throw .file("\(path): not a relay key ('privkey:' and 64 hex digits)") }
    return key
  }

  /// The keys that a file lists.
  static func allowedKeys(_ path: String) throws(RelayFailure) -> Set<Bytes32> {
    var keys: Set<Bytes32> = []
    let prefix = Array("nodekey:".utf8)
    var number = 0
    for line in try read(path).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      var text = trimmed(line.prefix { $0 != UInt8(ascii: "#") })
      guard !text.isEmpty else { continue }
      if text.starts(with: prefix) { text = text.dropFirst(prefix.count) }
      guard let raw = hex(text), let key = Bytes32(raw) else {
        throw .file("\(path), line \(number): not a key (64 hex digits)")
      }
      keys.insert(key)
    }
    return keys
  }

  private static func read(_ path: String) throws(RelayFailure) -> [UInt8] {
    do {
      return try SmallFile.read(path, limit: limit)
    } catch {
      throw .file(error.description)
    }
  }

  private static func hex(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    guard text.count == 64 else { return nil }
    return Hex.decode(String(decoding: text, as: UTF8.self))
  }

  private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0a || $0 == 0x0d }
    var rest = text.drop(while: isBlank)
    while let last = rest.last, isBlank(last) { rest.removeLast() }
    return rest
  }
}
