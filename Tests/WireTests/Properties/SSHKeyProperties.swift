import Wire

enum SSHKeyProperties {
  /// The input is a key's line, an authorized_keys file, an offer and an answer.
  static func all(_ input: UnsafeRawBufferPointer) -> String? {
    let bytes = Array(input)
    return firstViolation({ key(bytes) }, { offer(bytes) }, { answer(bytes) })
  }

  private static func key(_ bytes: [UInt8]) -> String? {
    guard let key = try? SSHPublicKey.parse(bytes) else { return nil }
    if let violation = mismatch("key", key, try? SSHPublicKey.parse(Array(key.line.utf8))) {
      return violation
    }
    if key.line.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) { return "a line with a control character" }
    // Whatever a file holds: one line more, the rest untouched, and never a second time.
    guard let content = AuthorizedKeys.adding(key, AuthorizedKeyOptions(), to: bytes) else { return nil }
    if !content.starts(with: bytes) { return "what was there has changed" }
    if AuthorizedKeys.adding(key, AuthorizedKeyOptions(isRestricted: true), to: content) != nil {
      return "added twice"
    }
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
