import Reactor
import Wire

/// Finds the control sockets of a user's tunnels and asks them.
struct StatusQuery {
  /// A socket to ask.
  struct Target: Hashable {
    var name: String
    var path: String
  }

  /// What became of asking.
  struct Answer {
    var name: String
    var result: Result<TunnelStatus, ControlFailure>

    var isStatus: Bool { if case .success = result { true } else { false } }
  }

  /// Where the sockets are.
  let directory: String

  /// The socket that `name` means, or all that are there.
  func targets(_ name: String?) throws(CommandFailure) -> [Target] {
    if let name, name.contains("/") { return [Target(name: name, path: name)] }
    do throws(ReactorError) {
      guard let directory = try ControlDirectory.existing(at: directory) else {
        if let name { throw Self.unknown(name) }
        return []
      }
      directory.removeAbandoned()
      if let name {
        let path = try directory.socketPath(name)
        guard directory.names().contains(name) else { throw Self.unknown(name) }
        return [Target(name: name, path: path)]
      }
      return try directory.names().map { (name) throws(ReactorError) in
        Target(name: name, path: try directory.socketPath(name))
      }
    } catch {
      throw CommandFailure(error.description, status: ExitStatus.failure)
    }
  }

  private static func unknown(_ name: String) -> ReactorError {
    .unfit("no tunnel \(printableQuoted(name)) is running")
  }

  /// Asks all of them at once; the answers are in the order of the targets.
  func ask(_ targets: [Target], on loop: EventLoop) -> [Answer] {
    guard !targets.isEmpty else { return [] }
    var results: [Int: Result<TunnelStatus, ControlFailure>] = [:]
    let clients = targets.enumerated().map { index, target in
      ControlClient(loop, path: target.path) { result in
        results[index] = result
        if results.count == targets.count { loop.stop() }
      }
    }
    withExtendedLifetime(clients) { loop.run() }
    return targets.enumerated().map { index, target in
      Answer(name: target.name, result: results[index] ?? .failure(.noAnswer))
    }
  }
}
