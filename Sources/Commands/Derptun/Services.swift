import Reactor
import Wire

/// The names of client tokens on this machine.
struct Services {
  private let file: ServiceRegistryFile

  /// The names in this file, or in the user's own.
  init(registry: String?) throws(CommandFailure) {
    guard let file = registry.map({ ServiceRegistryFile(path: $0) }) ?? .standard() else {
      throw CommandFailure(
        "neither XDG_CONFIG_HOME nor HOME says where names are kept: give --registry",
        status: ExitStatus.usage)
    }
    self.file = file
  }

  /// The client token that a name stands for.
  func clientToken(named name: String, nowUnixSeconds: Int64) throws(CommandFailure) -> DerptunClientToken {
    let registry = try reading { () throws(ServiceRegistryFileError) in try file.read() }
    guard let record = registry.token(named: name, nowUnixSeconds: nowUnixSeconds) else {
      throw Self.unknown(name)
    }
    return try DerptunTokenRole.decodeClient(record.value, nowUnixSeconds: nowUnixSeconds)
  }

  /// What has a name and has not expired.
  func tokens(nowUnixSeconds: Int64) throws(CommandFailure) -> [ServiceRecord] {
    try reading { () throws(ServiceRegistryFileError) in try file.read() }
      .tokens(nowUnixSeconds: nowUnixSeconds)
  }

  /// Gives a token a name.
  func set(_ token: DerptunClientToken, named name: String, nowUnixSeconds: Int64) throws(CommandFailure) {
    let record = ServiceRecord(name: name, token: token, createdUnixSeconds: nowUnixSeconds)
    try reading { () throws(ServiceRegistryFileError) in
      try file.update { (registry) throws(ServiceRegistryError) in
        try registry.set(record, nowUnixSeconds: nowUnixSeconds)
      }
    }
  }

  /// Forgets a name, also one whose token has expired.
  func remove(_ name: String) throws(CommandFailure) {
    let isRemoved = try reading { () throws(ServiceRegistryFileError) in
      try file.update { (registry) throws(ServiceRegistryError) in registry.removeToken(named: name) }
    }
    guard isRemoved else { throw Self.unknown(name) }
  }

  private static func unknown(_ name: String) -> CommandFailure {
    CommandFailure("there is no service \(printableQuoted(name))", status: ExitStatus.usage)
  }

  private func reading<Result>(
    _ body: () throws(ServiceRegistryFileError) -> Result
  ) throws(CommandFailure) -> Result {
    do {
      return try body()
    } catch .change(let error) {
      throw CommandFailure("\(error)", status: ExitStatus.usage)
    } catch {
      throw CommandFailure(
        "cannot use the file of services: \(printable("\(error)"))", status: ExitStatus.localInputOutput)
    }
  }
}
