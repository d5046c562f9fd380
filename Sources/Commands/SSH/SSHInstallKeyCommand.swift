import ArgumentParser
import Glibc
import Reactor
import Wire

/// What `ssh invite` starts to write a key (AUK-2): gives up all rights but the account's, then writes.
struct SSHInstallKeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install-key", abstract: "Write a key for an account.", shouldDisplay: false)

  @Option(name: .long) var user: String?
  @Option(name: .long) var file: String?
  @Flag(name: .long) var restrict = false
  @Option(name: .long) var expiry: String?
  @Argument var key: String

  func run() throws {
    do {
      let isNew = try target().add(
        try SSHPublicKey.parse(Array(key.utf8)),
        AuthorizedKeyOptions(isRestricted: restrict, expiry: expiry))
      print(isNew ? KeyInstallation.added : KeyInstallation.present)
    } catch {
      fail("\(error)")
    }
  }

  private func target() throws -> AuthorizedKeysFile {
    if let file { return AuthorizedKeysFile(path: file) }
    guard let account = user.flatMap({ Account.named($0) }) else { fail("there is no such account") }
    // Before anything of the account's is looked at.
    try account.become()
    return AuthorizedKeysFile(of: account)
  }

  private func fail(_ reason: String) -> Never {
    print(reason)
    Glibc.exit(ExitStatus.failure)
  }
}
