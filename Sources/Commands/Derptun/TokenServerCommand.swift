import ArgumentParser
import Engine
import Glibc
import Reactor
import Wire

/// `derptun token server`: makes a server's credential.
struct TokenServerCommand: ParsableCommand {
  /// How long a server's credential is good for unless told otherwise.
  static let defaultDays: Int64 = 180

  static let configuration = CommandConfiguration(
    commandName: "server",
    abstract: "Print a new server token. Whoever has it is the server: keep it there.",
    discussion: """
      Examples: derptun token server -o server.dts
                derptun token server --days 7 --derp https://relay.example.net > server.dts

      It is good for \(defaultDays) days unless told otherwise. Standard output that is a file is closed to other users \
      first. --derp, or the variable \(DERPRoute.environmentVariable), puts a relay of your own into the token.
      """)

  @ParentCommand var parent: TokenCommand
  @OptionGroup var format: JSONOption
  @OptionGroup var expiry: ExpiryOptions
  @OptionGroup var destination: TokenDestination
  @OptionGroup var relay: RelayOptions

  func run() throws {
    let options = format.merged(with: parent.parent.globals)
    try exitWith(options) {
      let now = Int64(time(nil))
      let expires = try expiry.unixSeconds(now: now) ?? ExpiryOptions.after(days: Self.defaultDays, now: now)
      let target = try RelayTarget.custom(url: relay.derp, stunPort: relay.derpStun)
      target?.warn(SessionReporter(options))
      var random = SecureRandom()
      let token = DerptunServerToken.issue(
        expiresUnixSeconds: expires, route: target?.route, isPlainHTTP: target?.isPlainHTTP ?? false,
        using: &random)
      try destination.write(token.encoded())
      return ExitStatus.success
    }
  }
}
