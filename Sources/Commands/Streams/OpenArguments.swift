import Reactor

/// What the arguments of `derphole open` are: a token, an address to listen at, both or none.
struct OpenArguments {
  static let defaultBind = ServiceAddress.tcp(host: ServiceAddress.defaultHost, port: 0)

  /// Nil when the token comes from elsewhere.
  var token: String?
  var bind: ServiceAddress

  /// - Parameter hasToken: whether an option says where the token is.
  init(_ arguments: [String], hasToken: Bool) throws(CommandFailure) {
    guard arguments.count <= (hasToken ? 1 : 2) else {
      throw CommandFailure(
        "too many arguments: \(hasToken ? "an address" : "a token and an address")", status: ExitStatus.usage)
    }
    // No token looks like an address, so that one which is alone leaves the token to the environment.
    if !hasToken, let first = arguments.first, arguments.count == 2 || ServiceAddress(first) == nil {
      token = first
    }
    let text = token == nil ? arguments.first : arguments.dropFirst().first
    guard let text else {
      bind = Self.defaultBind
      return
    }
    bind = try CommandFailure.service(text, "the address to listen at")
  }
}
