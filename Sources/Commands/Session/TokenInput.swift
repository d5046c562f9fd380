import Glibc
import Wire

/// Where a token comes from. A token is a secret, and other users of a machine see arguments: every way but the
/// first keeps it off the command line.
struct TokenInput {
  static let environmentVariable = "DERPHOLE_TOKEN"
  /// The longest first line that is read in search of a token, in bytes.
  private static let maximumLength = 8_192

  var argument: String?
  var file: String?
  var fromStandardInput: Bool

  /// The token's text, without surrounding white space.
  func read() throws(CommandFailure) -> String {
    let given = [argument != nil, file != nil, fromStandardInput].filter { $0 }.count
    guard given <= 1 else {
      throw CommandFailure(
        "give the token once: as argument, with --token-file or with --token-stdin", status: ExitStatus.usage)
    }
    let text: String
    if let argument {
      text = argument
    } else if let file {
      text = try Self.firstLine(ofFile: file)
    } else if fromStandardInput {
      text = try Self.firstLine(of: STDIN_FILENO, named: "standard input")
    } else if let value = getenv(Self.environmentVariable) {
      text = String(cString: value)
    } else {
      throw CommandFailure(
        "no token: give it as argument, with --token-file, --token-stdin or in \(Self.environmentVariable)",
        status: ExitStatus.usage)
    }
    let trimmed = Self.trim(text)
    guard !trimmed.isEmpty else {
      throw CommandFailure("the token is empty", status: ExitStatus.unusableToken)
    }
    return trimmed
  }

  private static func firstLine(ofFile path: String) throws(CommandFailure) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CommandFailure(
        "cannot read the token file \(path): \(String(cString: strerror(errno)))",
        status: ExitStatus.unusableToken)
    }
    defer { close(descriptor) }
    return try firstLine(of: descriptor, named: path)
  }

  /// Reads byte by byte, because what follows the line is payload.
  private static func firstLine(of descriptor: Int32, named name: String) throws(CommandFailure) -> String {
    var line: [UInt8] = []
    while line.count < maximumLength {
      var byte: UInt8 = 0
      let count = Glibc.read(descriptor, &byte, 1)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        throw CommandFailure(
          "cannot read a token from \(name): \(String(cString: strerror(errno)))",
          status: ExitStatus.unusableToken)
      }
      if count == 0 || byte == UInt8(ascii: "\n") { break }
      line.append(byte)
    }
    return String(decoding: line, as: UTF8.self)
  }

  private static func trim(_ text: String) -> String {
    let isBlank: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
    let bytes = text.utf8.drop(while: isBlank)
    guard let last = bytes.lastIndex(where: { !isBlank($0) }) else { return "" }
    return String(decoding: bytes[...last], as: UTF8.self)
  }

  /// Whether a token is given in any way at all.
  var isGiven: Bool {
    argument != nil || file != nil || fromStandardInput || getenv(Self.environmentVariable) != nil
  }

  /// What a token is to be used for.
  enum Use: String {
    case pipe = "derphole pipe"
    case receive = "derphole receive"
    case sendTo = "derphole send --to"
    case open = "derphole open"
    case accept = "derphole ssh accept"
    case derptun = "derptun"

    /// What a token with these capabilities is for; nil when nobody knows.
    init?(_ capabilities: TokenCapabilities) {
      if capabilities.contains(.stdioOffer) {
        self = .receive
      } else if capabilities.contains(.share) {
        self = .open
      } else if capabilities.contains(.attach) {
        self = .accept
      } else if capabilities.contains(.derptunTCP) {
        self = .derptun
      } else if capabilities.contains([.stdio, .structured]) {
        self = .sendTo
      } else if capabilities.contains(.stdio) {
        self = .pipe
      } else {
        return nil
      }
    }
  }

  /// Decodes a token for the command that moves a plain stream to its issuer.
  static func decodeForPipe(_ text: String, nowUnixSeconds: Int64) throws(CommandFailure) -> SessionToken {
    try decode(text, for: .pipe, nowUnixSeconds: nowUnixSeconds)
  }

  /// Decodes a token for a command.
  static func decode(
    _ text: String, for use: Use, nowUnixSeconds: Int64
  ) throws(CommandFailure) -> SessionToken {
    if text.hasPrefix("DT1") || text.hasPrefix("DT2") || text.hasPrefix("dts") {
      throw CommandFailure(
        "this is a token of derptun, not of derphole", status: ExitStatus.unusableToken)
    }
    let token: SessionToken
    do {
      token = try SessionToken.decode(text, nowUnixSeconds: nowUnixSeconds)
    } catch .expired {
      throw CommandFailure("the token has expired: ask for a new one", status: ExitStatus.unusableToken)
    } catch {
      throw CommandFailure(
        "the token is damaged or incomplete (\(error)): copy it again", status: ExitStatus.unusableToken)
    }
    guard let meant = Use(token.capabilities), token.derpPublic != .zero else {
      throw CommandFailure("this token is not for `\(use.rawValue)`", status: ExitStatus.unusableToken)
    }
    guard meant == use else {
      throw CommandFailure(
        "this token is for `\(meant.rawValue)`, not for `\(use.rawValue)`", status: ExitStatus.unusableToken)
    }
    guard token.capabilities.contains(.native) else {
      throw CommandFailure(
        "this token comes from another derphole program, whose transfer protocol is not spoken here",
        status: ExitStatus.unusableToken)
    }
    return token
  }
}
