import Wire

/// What a command does with a token, and with it which tokens it takes.
enum TokenUse: String {
  case pipe = "derphole pipe"
  case receive = "derphole receive"
  case send = "derphole send --to"
  case open = "derphole open"
  case sshAccept = "derphole ssh accept"

  /// Decodes a token for this command; otherwise one line says which command it is for, or what is wrong.
  func decode(_ text: String, nowUnixSeconds: Int64) throws(CommandFailure) -> SessionToken {
    if TokenText.isDerptun(text) {
      throw unusable("this is a token of derptun, not of derphole")
    }
    let token: SessionToken
    do {
      token = try SessionToken.decode(text, nowUnixSeconds: nowUnixSeconds)
    } catch .expired {
      throw unusable("the token has expired: ask for a new one")
    } catch {
      throw unusable("the token is damaged or incomplete (\(error)): copy it again")
    }
    let use = Self.command(for: token.capabilities)
    guard use == rawValue, token.derpPublic != .zero else {
      throw unusable(
        use.map { "this token is for `\($0)`, not for `\(rawValue)`" }
          ?? "this token is not for `\(rawValue)`")
    }
    guard token.capabilities.contains(.native) || self == .open else {
      throw unusable(
        "this token comes from another derphole program, whose transfer protocol is not spoken here")
    }
    return token
  }

  /// Which command takes a token with these bits; nil when none does.
  private static func command(for capabilities: TokenCapabilities) -> String? {
    if capabilities.contains(.stdioOffer) { return receive.rawValue }
    if capabilities.contains(.share) { return open.rawValue }
    if capabilities.contains(.attach) { return sshAccept.rawValue }
    if capabilities.contains(.derptunTCP) { return "derptun" }
    guard capabilities.contains(.stdio) else { return nil }
    return capabilities.contains(.structured) ? send.rawValue : pipe.rawValue
  }

  private func unusable(_ message: String) -> CommandFailure {
    CommandFailure(message, status: ExitStatus.unusableToken)
  }
}
