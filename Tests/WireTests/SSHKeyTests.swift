import Testing

@testable import Wire

/// Builds keys field by field.
private enum Sample {
  static func field(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.append(bigEndian: UInt32(bytes.count))
    return result + bytes
  }

  static func line(
    _ type: String, _ fields: [[UInt8]], inner: String? = nil, comment: String = "alice@laptop"
  ) -> String {
    let blob = field(Array((inner ?? type).utf8)) + fields.flatMap { field($0) }
    return "\(type) \(Base64.encode(blob, .standard)) \(comment)"
  }

  static let ed25519 = line("ssh-ed25519", [[UInt8](repeating: 7, count: 32)])
  static func rsa(bits: Int) -> String {
    line("ssh-rsa", [[1, 0, 1], [0, 0x80] + [UInt8](repeating: 5, count: bits / 8 - 1)])
  }
  static func point(_ length: Int) -> [UInt8] { [4] + [UInt8](repeating: 9, count: length - 1) }
}

@Suite struct SSHKeyTests {
  private func parse(_ text: String) throws(SSHKeyError) -> SSHPublicKey {
    try SSHPublicKey.parse(Array(text.utf8))
  }

  @Test("AUK-1: keys of all known types are taken and written as they came")
  func knownTypes() throws {
    let lines = [
      Sample.ed25519, Sample.rsa(bits: 2_048), Sample.rsa(bits: 4_096),
      Sample.line("ecdsa-sha2-nistp256", [Array("nistp256".utf8), Sample.point(65)]),
      Sample.line("ecdsa-sha2-nistp384", [Array("nistp384".utf8), Sample.point(97)]),
      Sample.line("ecdsa-sha2-nistp521", [Array("nistp521".utf8), Sample.point(133)]),
      Sample.line("sk-ssh-ed25519@openssh.com", [[UInt8](repeating: 1, count: 32), Array("ssh:".utf8)]),
      Sample.line(
        "sk-ecdsa-sha2-nistp256@openssh.com", [Array("nistp256".utf8), Sample.point(65), Array("ssh:".utf8)]),
    ]
    for line in lines {
      #expect(try parse(line).line == line)
      #expect(try parse(line + "\r\n").line == line)
    }
    #expect(try parse(Sample.ed25519).comment == "alice@laptop")
  }

  @Test("AUK-1: a key of ssh-keygen has its fingerprint")
  func fingerprint() throws {
    let key = try parse(
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBR3IdfhWvM3Z/GRfP8X37/Z/RVWVdo+5BJ37HeH7Rkw root@vm")
    #expect(key.kind == .ed25519)
    #expect(key.blob.count == 51)
    #expect(SSHPublicKey.fingerprint(of: .zero) == "SHA256:" + String(repeating: "A", count: 43))
  }

  private static let unsound: [(text: String, error: SSHKeyError)] = {
    var list: [(text: String, error: SSHKeyError)] = []
    func add(_ text: String, _ error: SSHKeyError) { list.append((text, error)) }
    add("", .malformed)
    add("ssh-ed25519", .malformed)
    add("ssh-ed25519 !!!", .malformed)
    add(Sample.ed25519 + "\n" + Sample.ed25519, .notOneLine)
    add("\u{0}" + Sample.ed25519, .notOneLine)
    add("command=\"rm\" " + Sample.ed25519, .malformed)
    add("no-pty " + Sample.ed25519, .unsupportedType)
    add("-----BEGIN OPENSSH PRIVATE KEY-----", .privateKey)
    add("ssh-dss AAAA x", .unsupportedType)
    add("ssh-ed25519-cert-v01@openssh.com AAAA x", .unsupportedType)
    add(Sample.line("ssh-ed25519", [[1, 2, 3]]), .badKey)
    add(Sample.line("ssh-ed25519", [[UInt8](repeating: 7, count: 32), []]), .badKey)
    add(Sample.line("ssh-ed25519", [[UInt8](repeating: 7, count: 32)], inner: "ssh-rsa"), .badKey)
    add(Sample.rsa(bits: 1_024), .badSize)
    add(Sample.line("ssh-rsa", [[1, 0, 1], [0x80]]), .badKey)
    add(Sample.line("ssh-rsa", [[1], [0, 0x80] + [UInt8](repeating: 5, count: 255)]), .badKey)
    add(Sample.line("ecdsa-sha2-nistp256", [Array("nistp384".utf8), Sample.point(65)]), .badKey)
    add(Sample.line("ecdsa-sha2-nistp256", [Array("nistp256".utf8), [2] + Sample.point(64)]), .badKey)
    add(String(repeating: "a", count: 16_385), .tooLong)
    return list
  }()

  @Test("AUK-1: what is no single, sound public key is refused", arguments: unsound)
  func refused(text: String, error: SSHKeyError) {
    #expect(throws: error) { try parse(text) }
  }

  @Test("AUK-1: base64 that another text could stand for is refused")
  func canonicalBase64() throws {
    var words = Sample.rsa(bits: 2_056).split(separator: " ").map(String.init)
    #expect(try parse(words.joined(separator: " ")).kind == .rsa)
    words[1] += "="
    #expect(throws: SSHKeyError.malformed) { try parse(words.joined(separator: " ")) }
  }

  @Test("AUK-1: a comment keeps what can be seen")
  func comment() throws {
    let key = try parse(
      Sample.line("ssh-ed25519", [[UInt8](repeating: 7, count: 32)], comment: "a\u{202E}b  c\u{200B}d"))
    #expect(key.comment == "ab cd")
    let long = try parse(
      Sample.line(
        "ssh-ed25519", [[UInt8](repeating: 7, count: 32)], comment: String(repeating: "x", count: 500)))
    #expect(long.comment.count == SSHPublicKey.longestComment)
  }

  @Test("AUK-5: a key is added once, whatever options stand before it; all else stays")
  func adding() throws {
    let key = try parse(Sample.ed25519)
    let first = try #require(AuthorizedKeys.adding(key, AuthorizedKeyOptions(), to: []))
    #expect(first == Array((Sample.ed25519 + "\n").utf8))
    #expect(AuthorizedKeys.adding(key, AuthorizedKeyOptions(isRestricted: true), to: first) == nil)
    let other = Array(
      "# mine\nfrom=\"10.0.0.0/8\",command=\"a b\" \(Sample.ed25519)\nssh-rsa AAAA other".utf8)
    #expect(AuthorizedKeys.adding(key, AuthorizedKeyOptions(), to: other) == nil)
    let commented = Array("# \(Sample.ed25519)".utf8)
    #expect(
      AuthorizedKeys.adding(key, AuthorizedKeyOptions(), to: commented)
        == commented + Array(("\n" + Sample.ed25519 + "\n").utf8))
  }

  @Test(
    "AUK-5: a line has the key exactly when sshd takes it from there",
    arguments: [
      ("KEY", true), ("  \tKEY again", true), ("no-pty KEY", true), ("no-pty \t KEY", true),
      ("from=\"a b\",command=\"say \\\"x, y\\\" z\" KEY", true), ("no-pty KEY\r", true),
      ("#KEY", false), ("cert-authority KEY", false), ("no-pty,CERT-authority KEY", false),
      ("command=\"cert-authority\" KEY", true), ("command=\"KEY\" ssh-rsa AAAA", false),
      ("command=\"x\\\" KEY", false), ("ssh-rsa AAAA KEY", false), ("no-pty no-x KEY", false),
    ])
  func whatSSHDTakes(line: String, isThere: Bool) throws {
    let key = try parse(Sample.ed25519)
    // Without its comment: what follows the key is nobody's concern.
    let words = Sample.ed25519.split(separator: " ").prefix(2).joined(separator: " ")
    let content = "# first\n" + line.replacing("KEY", with: words) + "\n"
    #expect((AuthorizedKeys.adding(key, AuthorizedKeyOptions(), to: Array(content.utf8)) == nil) == isThere)
  }

  @Test func optionsStandBeforeTheKey() throws {
    let key = try parse(Sample.ed25519)
    let options = AuthorizedKeyOptions(isRestricted: true, expiry: "20261231000000Z")
    let content = try #require(AuthorizedKeys.adding(key, options, to: []))
    #expect(
      String(decoding: content, as: UTF8.self)
        == "restrict,pty,expiry-time=\"20261231000000Z\" \(Sample.ed25519)\n")
  }

  @Test func messagesRoundTrip() throws {
    let offer = SSHKeyOffer(key: try parse(Sample.ed25519))
    #expect(try SSHKeyOffer.parse(offer.serialized()) == offer)
    #expect(throws: SSHKeyError.malformed) { try SSHKeyOffer.parse([]) }
    #expect(throws: SSHKeyError.malformed) { try SSHKeyOffer.parse([2] + Array(Sample.ed25519.utf8)) }
    var answer = SSHKeyAnswer(outcome: .present)
    (answer.user, answer.host, answer.reason) = ("deploy", "vps", "")
    answer.fingerprints = ["ssh-ed25519 SHA256:x", "ssh-rsa SHA256:y"]
    #expect(try SSHKeyAnswer.parse(answer.serialized()) == answer)
    for length in 0..<answer.serialized().count {
      // Whole fields may be missing at the end; half ones never pass.
      if let short = try? SSHKeyAnswer.parse(Array(answer.serialized().prefix(length))) {
        #expect(short.fingerprints.count < 2)
      }
    }
    answer.host = String(repeating: "é", count: 600)
    #expect(try SSHKeyAnswer.parse(answer.serialized()).host.utf8.count == SSHKeyAnswer.longestField)
    #expect(throws: SSHKeyError.malformed) { try SSHKeyAnswer.parse([1, 9, 0, 0, 0, 0, 0, 0]) }
  }
}
