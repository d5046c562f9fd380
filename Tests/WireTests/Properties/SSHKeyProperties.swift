import Wire

enum SSHKeyProperties {
  /// The input is a key's line, one with an authorized_keys file behind it, an offer and an answer.
  static func all(_ input: UnsafeRawBufferPointer) -> String? {
    let bytes = Array(input)
    return firstViolation({ key(bytes) }, { file(bytes) }, { offer(bytes) }, { answer(bytes) })
  }

  private static func key(_ bytes: [UInt8]) -> String? {
    guard let key = try? SSHPublicKey.parse(bytes) else { return nil }
    if let violation = mismatch("key", key, try? SSHPublicKey.parse(Array(key.line.utf8))) {
      return violation
    }
    if key.line.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) { return "a line with a control character" }
    return nil
  }

  /// Whatever a file holds: one line more, the rest untouched, and never a second time.
  private static func file(_ bytes: [UInt8]) -> String? {
    guard let end = bytes.firstIndex(of: 0x0A), let key = try? SSHPublicKey.parse(Array(bytes[..<end])) else {
      return nil
    }
    let before = Array(bytes[(end + 1)...])
    let options = AuthorizedKeyOptions(isRestricted: true, expiry: "20301231235959Z")
    guard let content = AuthorizedKeys.adding(key, options, to: before) else { return nil }
    if !content.starts(with: before) { return "what was there has changed" }
    let added = content.dropFirst(before.count)
    if added.last != 0x0A || added.dropLast().drop(while: { $0 == 0x0A }).contains(0x0A) {
      return "not one line more"
    }
    if AuthorizedKeys.adding(key, AuthorizedKeyOptions(), to: content) != nil { return "added twice" }
    return nil
  }

  private static func offer(_ bytes: [UInt8]) -> String? {
    guard let offer = try? SSHKeyOffer.parse(bytes) else { return nil }
    return mismatch("offer", offer, try? SSHKeyOffer.parse(offer.serialized()))
  }

  private static func answer(_ bytes: [UInt8]) -> String? {
    guard let answer = try? SSHKeyAnswer.parse(bytes) else { return nil }
    return mismatch("answer", answer, try? SSHKeyAnswer.parse(answer.serialized()))
  }
}
