import ArgumentParser
import Glibc
import Reactor
import Wire

/// `derphole ssh invite`: takes somebody's public key and lets it in.
struct SSHInviteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invite",
    abstract: "Print a token, then let the public key of its holder log in to this machine.",
    discussion: """
      Examples: derphole ssh invite
                sudo derphole ssh invite --user deploy --restrict --expires 30d

      The other side runs `derphole ssh accept TOKEN`. You are shown the key and asked before it is written to \
      ~/.ssh/authorized_keys. The token is good for one hour and one key.
      """)

  @ParentCommand var parent: SSHCommand
  @OptionGroup var globals: GlobalOptions
  @OptionGroup var map: RelayMapOptions
  @OptionGroup var relay: RelayOptions
  @OptionGroup var use: KeyUseOptions

  @Option(
    name: [.short, .long], help: ArgumentHelp("The account to open, when not your own.", valueName: "name"))
  var user: String?

  @Option(
    name: .long,
    help: ArgumentHelp("Write to this file instead of ~/.ssh/authorized_keys.", valueName: "file"))
  var authorizedKeys: String?

  @Flag(name: [.short, .long], help: "Write the key without asking.")
  var yes = false

  @Flag(name: .long, help: "Print the token as the only line of standard output, and not on standard error.")
  var printTokenOnly = false

  func run() throws {
    let options = globals.merged(with: parent.parent.globals)
    try exitWith(options) {
      let installer = try KeyInstaller(
        user: user, file: authorizedKeys, try use.options(nowUnixSeconds: Int64(time(nil))))
      // Nobody gets a token that can only be refused (AUK-7).
      guard yes || !options.json && Terminal() != nil else {
        throw CommandFailure(
          "there is nobody to ask \(options.json ? "with --json" : "without a terminal"): only --yes lets a key in unasked",
          status: ExitStatus.usage)
      }
      let loop = try EventLoop()
      let reporter = SessionReporter(options)
      let issued = try TransferSession.issuing(
        [.attach], .streams, options: options, relay: relay, map: map.derpMap, loop, reporter)
      reporter.invitation = issued.issuedToken.map {
        Invitation(token: $0, use: .sshAccept, isTokenOnly: printTokenOnly)
      }
      let exchange = StreamExchange(loop, issued.session, question: nil, limit: SSHKeyOffer.longest)
      let runner = SessionRunner(issued, reporter: reporter, options: options)
      reporter.isSilentAtEnd = true
      let decision = KeyDecision(loop, installer, reporter, isJSON: options.json, asks: !yes)
      exchange.received = { bytes in
        decision.decide(on: bytes) { answer in exchange.send(answer.serialized()) }
      }
      exchange.overdue = { hasAsked in
        if hasAsked { runner.close() } else { runner.refuse(reason: "no key came") }
      }
      return try decision.exitStatus(session: runner.run(streams: exchange))
    }
  }
}
