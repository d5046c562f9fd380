import ArgumentParser
import Glibc
import Reactor
import Wire

/// `derphole ssh accept`: sends a public key to who invited.
struct SSHAcceptCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accept",
    abstract: "Send your public key to the `derphole ssh invite` that printed the token.",
    discussion: """
      Examples: derphole ssh accept TOKEN
                derphole ssh accept --key ~/.ssh/work.pub --token-file token.txt

      Without --key the first of ~/.ssh/id_ed25519.pub, id_ecdsa.pub, id_ed25519_sk.pub, id_ecdsa_sk.pub and \
      id_rsa.pub is sent; when there is none, ssh-keygen makes ~/.ssh/id_ed25519. Only the public half leaves this \
      machine. Once the other side has written it, the command to connect is printed on standard output.
      """)

  @ParentCommand var parent: SSHCommand
  @OptionGroup var globals: GlobalOptions
  @OptionGroup var map: RelayMapOptions

  @Argument(help: "The token that the other side printed.")
  var token: String?

  @OptionGroup var tokenOptions: TokenOptions

  @Option(name: .long, help: ArgumentHelp("The public key to send.", valueName: "file"))
  var key: String?

  @Flag(name: .long, help: "Should a key have to be made, make it without a passphrase.")
  var noPassphrase = false

  func run() throws {
    let options = globals.merged(with: parent.parent.globals)
    try exitWith(options) {
      let text = try tokenOptions.input(argument: token).read()
      let token = try TokenUse.sshAccept.decode(text, nowUnixSeconds: Int64(time(nil)))
      let reporter = SessionReporter(options)
      let key = try OwnKeys(reporter: reporter, hasPassphrase: !noPassphrase).choose(key)
      reporter.line("sending \(key.description)")
      let loop = try EventLoop()
      let claimed = try TransferSession.claiming(
        token, .streams, options: options, map: map.derpMap, loop, reporter)
      let exchange = StreamExchange(
        loop, claimed.session, question: SSHKeyOffer(key: key).serialized(), limit: SSHKeyAnswer.longest)
      let runner = SessionRunner(claimed, reporter: reporter, options: options)
      reporter.isSilentAtEnd = true
      var answer: SSHKeyAnswer?
      exchange.received = { bytes in
        answer = bytes.flatMap { try? SSHKeyAnswer.parse($0) }
        guard answer != nil else { return runner.refuse(reason: "an answer that makes no sense") }
        runner.close()
      }
      let status = runner.run(streams: exchange)
      guard let answer else {
        guard status == ExitStatus.success else { return status }
        throw CommandFailure("the other side left without an answer", status: ExitStatus.peerGone)
      }
      return try show(answer, reporter, isJSON: options.json)
    }
  }

  /// The other side's words are only shown, and only what can be shown of them.
  private func show(
    _ answer: SSHKeyAnswer, _ reporter: SessionReporter, isJSON: Bool
  ) throws(CommandFailure) -> Int32 {
    if isJSON {
      JSONLine(event: "answer").adding("outcome", "\(answer.outcome)").adding("user", answer.user)
        .adding("host", answer.host).adding("hostKeys", answer.fingerprints).emit()
    }
    switch answer.outcome {
    case .added, .present: break
    case .declined: throw CommandFailure("the other side declined", status: ExitStatus.refused)
    case .failed:
      throw CommandFailure(
        "the other side could not accept the key: \(printable(answer.reason))", status: ExitStatus.failure)
    }
    reporter.line(answer.outcome == .added ? "the key was accepted" : "the other side had the key already")
    for fingerprint in answer.fingerprints { reporter.line("the host's key: \(printable(fingerprint))") }
    if let user = CommandWord.plain(answer.user), let host = CommandWord.plain(answer.host) {
      print("ssh \(user)@\(host)")
    } else {
      reporter.line("account \(printable(answer.user)) at \(printable(answer.host))")
    }
    return ExitStatus.success
  }
}
