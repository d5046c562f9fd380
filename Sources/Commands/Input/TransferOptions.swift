import ArgumentParser

/// Where `receive` takes its code from.
struct CodeOptions: ParsableArguments {
  @Argument(
    help: "The code that the other side printed; without one `receive` prints a token for `send --to`.")
  var code: String?

  @Option(name: .long, help: ArgumentHelp("Read the code from a file.", valueName: "file"))
  var codeFile: String?

  @Flag(name: .long, help: "Read the code from standard input.")
  var codeStdin = false

  @Flag(name: .long, help: "Ask for the code at the terminal.")
  var codePrompt = false

  /// All of it, with the variable.
  var input: TokenInput {
    TokenInput(
      names: .code, argument: code, file: codeFile, fromStandardInput: codeStdin, payloadFollows: false,
      asks: codePrompt)
  }
}

/// Where a token comes from, other than from an argument, when nothing but the token is read there.
struct TokenOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("Read the token from a file.", valueName: "file"))
  var tokenFile: String?

  @Flag(name: .long, help: "Read the token from standard input.")
  var tokenStdin = false

  @Flag(name: .long, help: "Ask for the token at the terminal.")
  var tokenPrompt = false

  /// Whether one of them says where the token is.
  var areGiven: Bool { tokenFile != nil || tokenStdin || tokenPrompt }

  /// All of it, with the argument and the variable.
  func input(argument: String?) -> TokenInput {
    TokenInput(
      names: .askedToken, argument: argument, file: tokenFile, fromStandardInput: tokenStdin,
      payloadFollows: false, asks: tokenPrompt)
  }
}

/// To whom `send` sends when the other side issued the token.
struct RecipientOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp("Send to the `derphole receive` that printed this token.", valueName: "token"))
  var to: String?

  @Option(name: .long, help: ArgumentHelp("Read that token from a file.", valueName: "file"))
  var toFile: String?

  @Flag(name: .long, help: "Read that token from the first line of standard input.")
  var toStdin = false

  @Flag(name: .long, help: "Ask for that token at the terminal.")
  var toPrompt = false

  /// All of it. The variable does not count, for it would silently turn an offer to anybody into one to its issuer.
  var input: TokenInput {
    TokenInput(
      names: .recipient, argument: to, file: toFile, fromStandardInput: toStdin, asks: toPrompt,
      readsEnvironment: false)
  }
}

/// Whether the receiver is asked.
struct AcceptOptions: ParsableArguments {
  @Flag(
    name: [.short, .long],
    help: """
      Accept what is offered without asking. Nobody is asked either where there is no terminal: who gives a code, or \
      hands out a token, wants what it brings.
      """)
  var yes = false
}

/// How fast may be sent.
struct LimitOptions: ParsableArguments {
  @Option(
    name: .long, help: ArgumentHelp("Send no faster than this (\(TransferRate.help)).", valueName: "rate"),
    transform: { text in
      do {
        return try TransferRate(text)
      } catch {
        throw ValidationError("\(error)")
      }
    })
  var limit: TransferRate?
}
