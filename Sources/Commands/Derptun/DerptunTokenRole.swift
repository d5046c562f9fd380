import Wire

/// The two kinds of derptun tokens. To hand out the wrong one would be grave, so each mistake has its own words.
enum DerptunTokenRole: String, CaseIterable {
  case server, client

  /// What it is called.
  var thing: String { "\(rawValue) token" }
  /// Where it may be given, so that nobody sees it on the command line.
  var environmentVariable: String { "DERPTUN_\(rawValue.uppercased())_TOKEN" }

  /// The kind that a text claims to be.
  init?(of text: String) {
    if text.hasPrefix("dts") {
      self = .server
    } else if text.hasPrefix("DT") {
      self = .client
    } else {
      return nil
    }
  }

  /// Decodes a server token; otherwise one line says what was given instead, or what is wrong.
  static func decodeServer(
    _ text: String, nowUnixSeconds: Int64
  ) throws(CommandFailure) -> DerptunServerToken {
    try DerptunTokenRole.server.check(text)
    do {
      return try DerptunServerToken.decode(text, nowUnixSeconds: nowUnixSeconds)
    } catch {
      throw DerptunTokenRole.server.failure(error)
    }
  }

  /// Decodes a client token; otherwise one line says what was given instead, or what is wrong.
  static func decodeClient(
    _ text: String, nowUnixSeconds: Int64
  ) throws(CommandFailure) -> DerptunClientToken {
    try DerptunTokenRole.client.check(text)
    do {
      return try DerptunClientToken.decode(text, nowUnixSeconds: nowUnixSeconds)
    } catch {
      throw DerptunTokenRole.client.failure(error)
    }
  }

  /// What a token that cannot be decoded means for a person.
  func failure(_ error: DerptunTokenError) -> CommandFailure {
    if error == .expired { return Self.unusable("the \(thing) has expired") }
    return Self.unusable("the \(thing) is damaged or incomplete (\(error)): copy it again")
  }

  /// What a text that claims to be neither kind means for a person.
  static func unknown(_ text: String, wanted: String) -> CommandFailure {
    // Nothing has expired at the beginning of time.
    (try? SessionToken.decode(text, nowUnixSeconds: .min)) == nil
      ? unusable("this is no \(wanted) of derptun")
      : unusable("this is a token of derphole, not of derptun")
  }

  private func check(_ text: String) throws(CommandFailure) {
    guard let given = DerptunTokenRole(of: text) else { throw Self.unknown(text, wanted: thing) }
    guard given != self else { return }
    switch given {
    case .server:
      throw Self.unusable(
        "this is a server token, which must stay with its server: "
          + "`derptun token client` makes the client token that is needed here")
    case .client:
      throw Self.unusable("this is a client token: the server token that it was made from is needed here")
    }
  }

  private static func unusable(_ message: String) -> CommandFailure {
    CommandFailure(message, status: ExitStatus.unusableToken)
  }
}
