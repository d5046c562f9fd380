import Foundation

/// A `derphole share` and the `derphole open` that uses it.
struct SharedService {
  let share: Child
  let open: Child
  let token: String
  /// Where local programs connect.
  let address: String
  private let relay: Relay

  /// - Parameter bind: where to listen; nil lets the system choose.
  init(_ target: String, at relay: Relay, globals: [String] = ["--force-relay"], bind: String? = nil) throws {
    self.relay = relay
    share = try Child("derphole", globals + ["share", target, "--derp", relay.url])
    token = try share.line {
      $0.firstMatch(of: /derphole open ([A-Za-z0-9_-]{170,})/).map { String($0.output.1) }
    }
    open = try Child("derphole", globals + ["open", token] + (bind.map { [$0] } ?? []))
    address = try open.line { $0.firstMatch(of: /^listening on (.+)$/).map { String($0.output.1) } }
  }

  init(_ service: LocalService, globals: [String] = ["--force-relay"], bind: String? = nil) throws {
    try self.init(service.address, at: Relay(), globals: globals, bind: bind)
  }

  func connect() throws -> LocalConnection { try LocalConnection(to: address) }
}
