import ArgumentParser
import Glibc
import Wire

/// Where a client takes its credential from.
struct TunnelTokenOptions: ParsableArguments {
  @OptionGroup var token: DerptunTokenOptions
  @OptionGroup var registry: RegistryOption

  @Option(
    name: .long,
    help: ArgumentHelp("Use the token that `derptun service set` gave this name.", valueName: "name"))
  var service: String?

  /// The credential; `payloadFollows`: only the first line of standard input is it.
  func read(payloadFollows: Bool) throws(CommandFailure) -> DerptunClientToken {
    let now = Int64(time(nil))
    guard let service else {
      var input = token.input(.client)
      input.payloadFollows = payloadFollows
      return try DerptunTokenRole.decodeClient(try input.read(), nowUnixSeconds: now)
    }
    guard token.token == nil, token.tokenFile == nil, !token.tokenStdin else {
      throw CommandFailure("give a token or --service, not both", status: ExitStatus.usage)
    }
    return try Services(registry: registry.registry).clientToken(named: service, nowUnixSeconds: now)
  }
}
