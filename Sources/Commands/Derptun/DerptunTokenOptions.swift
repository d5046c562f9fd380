import ArgumentParser

/// Where a command takes a derptun token from, when that is not its first argument.
struct DerptunTokenOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp("The token; other users of this machine can see arguments.", valueName: "token"))
  var token: String?

  @Option(name: .long, help: ArgumentHelp("Read the token from a file.", valueName: "file"))
  var tokenFile: String?

  @Flag(name: .long, help: "Read the token from the first line of standard input.")
  var tokenStdin = false

  /// All of it, with the variable of a token of that role.
  func input(_ role: DerptunTokenRole) -> TokenInput {
    TokenInput(
      names: .derptun(role), argument: token, file: tokenFile, fromStandardInput: tokenStdin,
      payloadFollows: false)
  }
}

/// Where `derptun token inspect` takes its token from.
struct InspectedTokenOptions: ParsableArguments {
  @Argument(help: "The token; other users of this machine can see arguments.")
  var token: String?

  @Option(name: .long, help: ArgumentHelp("Read the token from a file.", valueName: "file"))
  var tokenFile: String?

  @Flag(name: .long, help: "Read the token from the first line of standard input.")
  var tokenStdin = false

  /// All of it, with the variables.
  var input: TokenInput {
    TokenInput(
      names: .inspected, argument: token, file: tokenFile, fromStandardInput: tokenStdin,
      payloadFollows: false)
  }
}

extension TokenInput.Names {
  /// What commands that need one kind of derptun token call it.
  static func derptun(_ role: DerptunTokenRole) -> TokenInput.Names {
    TokenInput.Names(
      thing: role.thing, argument: "--token", variables: [role.environmentVariable], kind: .derptun)
  }

  static let inspected = TokenInput.Names(
    variables: DerptunTokenRole.allCases.map(\.environmentVariable), kind: .derptun)
}
