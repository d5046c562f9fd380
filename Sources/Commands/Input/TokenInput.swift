import Glibc
import Wire

/// Where a token comes from. A token is a secret, and other users of a machine see arguments: every way but the
/// first keeps it off the command line.
struct TokenInput {
  /// The most bytes that are read in search of a token.
  private static let maximumLength = 8_192
  /// The most lines of a terminal or of an input that holds nothing but the token.
  private static let maximumLines = 64

  /// Which tokens are looked for in what was given.
  enum Kind {
    case session, derptun

    func token(in text: String) -> String {
      switch self {
      case .session: TokenText.token(in: text)
      case .derptun: DerptunTokenText.token(in: text)
      }
    }

    func isComplete(_ text: String) -> Bool {
      switch self {
      case .session: TokenText.isComplete(text)
      case .derptun: DerptunTokenText.isComplete(text)
      }
    }
  }

  /// What a command calls its options.
  struct Names {
    var thing = "token"
    /// The option that takes it; nil when it is an argument of its own.
    var argument: String?
    var file = "--token-file"
    var standardInput = "--token-stdin"
    /// Nil when the command does not ask.
    var prompt: String?
    /// The environment's variables that may hold it.
    var variables = ["DERPHOLE_TOKEN"]
    var kind = Kind.session

    static let token = Names()
    static let askedToken = Names(prompt: "--token-prompt")
    static let code = Names(
      thing: "code", file: "--code-file", standardInput: "--code-stdin", prompt: "--code-prompt")
    static let recipient = Names(
      thing: "token", file: "--to-file", standardInput: "--to-stdin", prompt: "--to-prompt")

    /// `--code-file, --code-stdin or --code-prompt`.
    var options: String {
      prompt.map { "\(file), \(standardInput) or \($0)" } ?? "\(file) or \(standardInput)"
    }
  }

  var names = Names.token
  var argument: String?
  var file: String?
  var fromStandardInput = false
  /// Payload follows the first line of standard input, so nothing behind it may be read.
  var payloadFollows = true
  /// Ask at the terminal.
  var asks = false
  var readsEnvironment = true

  /// The token's text, found in what was given. Nil when nothing was given.
  func readIfGiven() throws(CommandFailure) -> String? {
    let given = [argument != nil, file != nil, fromStandardInput, asks].filter { $0 }.count
    guard given <= 1 else {
      throw CommandFailure(
        "give the \(names.thing) once: \(way) or with \(names.options)",
        status: ExitStatus.usage)
    }
    guard let text = try text() else { return nil }
    let token = names.kind.token(in: text)
    guard !token.isEmpty else {
      throw CommandFailure("the \(names.thing) is empty", status: ExitStatus.unusableToken)
    }
    return token
  }

  /// The token's text, which must have been given.
  func read() throws(CommandFailure) -> String {
    guard let token = try readIfGiven() else {
      throw CommandFailure(
        "no \(names.thing): give it \(way), with \(names.options), or in \(names.variables.joined(separator: " or "))",
        status: ExitStatus.usage)
    }
    return token
  }

  private var way: String { names.argument.map { "with \($0)" } ?? "as argument" }

  private func text() throws(CommandFailure) -> String? {
    if let argument { return argument }
    if let file { return try text(ofFile: file) }
    if fromStandardInput {
      return try text(
        of: STDIN_FILENO, named: "standard input", lines: payloadFollows ? 1 : Self.maximumLines)
    }
    guard asks else {
      return readsEnvironment ? try textOfEnvironment() : nil
    }
    guard let terminal = Terminal() else {
      throw CommandFailure("there is no terminal to ask at for the \(names.thing)", status: ExitStatus.usage)
    }
    terminal.write("Enter the \(names.thing): ")
    return try text(of: terminal.descriptor, named: "the terminal", lines: Self.maximumLines)
  }

  private func textOfEnvironment() throws(CommandFailure) -> String? {
    let set = names.variables.filter { getenv($0) != nil }
    guard set.count <= 1 else {
      throw CommandFailure(
        "\(set.joined(separator: " and ")) are both set: give the \(names.thing) \(way) or with \(names.options)",
        status: ExitStatus.usage)
    }
    return set.first.flatMap { getenv($0) }.map { String(cString: $0) }
  }

  private func text(ofFile path: String) throws(CommandFailure) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CommandFailure(
        "cannot read the \(names.thing) file \(printable(path)): \(String(cString: strerror(errno)))",
        status: ExitStatus.unusableToken)
    }
    defer { close(descriptor) }
    return try text(of: descriptor, named: printable(path), lines: Self.maximumLines)
  }

  /// Reads lines until they hold a whole token, but no more than `lines`: a token that was pasted with line breaks
  /// takes several. Byte by byte, because what follows may be payload.
  private func text(
    of descriptor: Int32, named name: String, lines: Int
  ) throws(CommandFailure) -> String {
    var text: [UInt8] = []
    var linesLeft = lines
    while text.count < Self.maximumLength {
      var byte: UInt8 = 0
      let count = Glibc.read(descriptor, &byte, 1)
      if count < 0 && errno == EINTR { continue }
      if count < 0 && errno == EAGAIN {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&poller, 1, -1)
        continue
      }
      guard count >= 0 else {
        throw CommandFailure(
          "cannot read a \(names.thing) from \(name): \(String(cString: strerror(errno)))",
          status: ExitStatus.unusableToken)
      }
      if count == 0 { break }
      text.append(byte)
      guard byte == UInt8(ascii: "\n") else { continue }
      linesLeft -= 1
      if linesLeft == 0 || endsInput(text) { break }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Whether no further line is needed: the token is whole, or its owner pressed return on an empty line.
  private func endsInput(_ text: [UInt8]) -> Bool {
    text.suffix(2) == [0x0A, 0x0A] || text == [0x0A]
      || names.kind.isComplete(String(decoding: text, as: UTF8.self))
  }
}
