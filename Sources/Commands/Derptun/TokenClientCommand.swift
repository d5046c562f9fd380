import ArgumentParser
import Engine
import Glibc
import Reactor
import Wire

/// `derptun token client`: makes the credential of one client.
struct TokenClientCommand: ParsableCommand {
  /// How long a client's credential is good for unless told otherwise; never longer than its server's.
  static let defaultDays: Int64 = 90

  static let configuration = CommandConfiguration(
    commandName: "client",
    abstract: "Print a new client token of a server: what its holder needs to use the tunnel.",
    discussion: """
      Examples: derptun token client --token-file server.dts -o alice.dt
                derptun token client --token-file server.dts --expires 2027-12-31 > alice.dt

      It is good for \(defaultDays) days unless told otherwise, and never longer than the server token. Make one for \
      each client: `derptun token inspect` shows the IDs by which a server can turn away a single one.
      """)

  @ParentCommand var parent: TokenCommand
  @OptionGroup var format: JSONOption
  @OptionGroup var token: DerptunTokenOptions
  @OptionGroup var expiry: ExpiryOptions
  @OptionGroup var destination: TokenDestination

  func run() throws {
    let options = format.merged(with: parent.parent.globals)
    try exitWith(options) {
      let now = Int64(time(nil))
      let asked = try expiry.unixSeconds(now: now)
      let server = try DerptunTokenRole.decodeServer(
        try token.input(.server).read(), nowUnixSeconds: now)
      try destination.write(try Self.issue(for: server, expires: asked, now: now).encoded())
      return ExitStatus.success
    }
  }

  /// Makes the credential; without an expiry it gets the default, shortened to the server's.
  static func issue(
    for server: DerptunServerToken, expires: Int64?, now: Int64
  ) throws(CommandFailure) -> DerptunClientToken {
    let latest = min(ExpiryOptions.after(days: defaultDays, now: now), server.expiresUnixSeconds)
    var random = SecureRandom()
    do {
      return try server.issueClient(expiresUnixSeconds: expires ?? latest, using: &random)
    } catch {
      switch error {
      case .outlivesServer: throw CommandFailure("\(error)", status: ExitStatus.usage)
      case .server(let error): throw DerptunTokenRole.server.failure(error)
      }
    }
  }
}
