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
        user: user, file: authorizedKeys, use.options(nowUnixSeconds: Int64(time(nil))))
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
      let status = runner.run(streams: exchange)
      return decision.exitStatus(session: status)
    }
  }
}

/// Where the key goes, and with whose rights.
struct KeyInstaller {
  let account: Account
  let file: AuthorizedKeysFile
  private let options: AuthorizedKeyOptions
  /// Whether another process has to act for another account.
  private let isForeign: Bool

  /// Finds out what can be found out before anybody is invited.
  init(user: String?, file path: String?, _ options: AuthorizedKeyOptions) throws(CommandFailure) {
    guard let account = user.map({ Account.named($0) }) ?? Account.current else {
      throw CommandFailure("there is no account \(printable(user ?? ""))", status: ExitStatus.usage)
    }
    isForeign = account.user != geteuid()
    guard !isForeign || geteuid() == 0 else {
      throw CommandFailure(
        "only root can invite for another account than \(printable(Account.current?.name ?? ""))",
        status: ExitStatus.usage)
    }
    guard path == nil || !isForeign else {
      throw CommandFailure("--authorized-keys goes with your own account only", status: ExitStatus.usage)
    }
    self.account = account
    file = path.map { AuthorizedKeysFile(path: $0) } ?? AuthorizedKeysFile(of: account)
    self.options = options
  }

  /// Writes the key; false when it was there.
  func install(_ key: SSHPublicKey) throws(AuthorizedKeysError) -> Bool {
    guard isForeign else { return try file.add(key, options) }
    var arguments = ["ssh", "install-key", "--user", account.name]
    if options.isRestricted { arguments.append("--restrict") }
    if let expiry = options.expiry { arguments += ["--expiry", expiry] }
    return try KeyInstallation.run(arguments, key: key)
  }
}
