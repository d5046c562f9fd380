import ArgumentParser
import Glibc
import Reactor
import Wire

/// What `ssh invite` starts when root invites for another account (AUK-2): gives up all other rights, then writes the
/// key that standard input holds.
struct SSHInstallKeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install-key", abstract: "Write a key of standard input for an account.",
    shouldDisplay: false)

  @Option(name: .long) var user: String
  @Flag(name: .long) var restrict = false
  @Option(name: .long) var expiry: String?

  func run() throws {
    do {
      guard let account = Account.named(user) else { fail("there is no such account") }
      // Before anything of the account's is looked at.
      try account.become()
      var bytes = [UInt8](repeating: 0, count: SSHPublicKey.longestLine + 1)
      var count = 0
      while count < bytes.count {
        let more = bytes.withUnsafeMutableBytes {
          read(STDIN_FILENO, $0.baseAddress! + count, $0.count - count)
        }
        if more < 0, errno == EINTR { continue }
        guard more > 0 else { break }
        count += more
      }
      let key = try SSHPublicKey.parse(Array(bytes[..<count]))
      let options = AuthorizedKeyOptions(isRestricted: restrict, expiry: expiry)
      let isNew = try AuthorizedKeysFile(of: account).add(key, options)
      print(isNew ? KeyInstallation.added : KeyInstallation.present)
    } catch {
      fail("\(error)")
    }
  }

  private func fail(_ reason: String) -> Never {
    print(reason)
    Glibc.exit(ExitStatus.failure)
  }
}
