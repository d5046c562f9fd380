import Foundation
import Wire

/// A `derphole share` and the `derphole open` that uses it.
struct SharedService {
  let share: Child
  let open: Child
  let token: String
  /// Where local programs connect.
  let address: String
  private let relay: Relay

  /// - Parameter bind: where to listen; nil lets the system choose.
  /// - Parameter upstream: whether the opener takes the token for one of upstream's program, and speaks like it.
  init(
    _ target: String, at relay: Relay, globals: [String] = ["--force-relay"], bind: String? = nil,
    upstream: Bool = false
  ) throws {
    self.relay = relay
    share = try Child("derphole", globals + ["share", target, "--derp", relay.url])
    token = try share.line {
      $0.firstMatch(of: /derphole open ([A-Za-z0-9_-]{170,})/).map { String($0.output.1) }
    }
    let given = upstream ? try Self.withoutOurBit(token) : token
    open = try Child("derphole", globals + ["open", given] + (bind.map { [$0] } ?? []))
    address = try open.line { $0.firstMatch(of: /^listening on (.+)$/).map { String($0.output.1) } }
  }

  init(
    _ service: LocalService, globals: [String] = ["--force-relay"], bind: String? = nil,
    upstream: Bool = false
  ) throws {
    try self.init(service.address, at: Relay(), globals: globals, bind: bind, upstream: upstream)
  }

  /// The token as if its issuer did not speak our protocol.
  private static func withoutOurBit(_ text: String) throws -> String {
    var token = try SessionToken.decode(text, nowUnixSeconds: 0)
    token.capabilities.remove(.native)
    return token.encoded()
  }

  func connect() throws -> LocalConnection { try LocalConnection(to: address) }
}
