import Glibc
import Reactor
import Wire

/// Where a key goes, and with whose rights.
struct KeyInstaller {
  let account: Account
  /// Where the key is written.
  let path: String
  let options: AuthorizedKeyOptions
  /// What the process that writes is told.
  private let target: [String]

  /// Finds out what can be found out before anybody is invited.
  init(user: String?, file: String?, _ options: AuthorizedKeyOptions) throws(CommandFailure) {
    guard let account = user.map({ Account.named($0) }) ?? Account.current else {
      throw CommandFailure("there is no account \(printable(user ?? ""))", status: ExitStatus.usage)
    }
    let isForeign = account.user != geteuid()
    guard !isForeign || geteuid() == 0 else {
      throw CommandFailure(
        "only root can invite for another account than \(printable(Account.current?.name ?? ""))",
        status: ExitStatus.usage)
    }
    guard file == nil || !isForeign else {
      throw CommandFailure("--authorized-keys goes with your own account only", status: ExitStatus.usage)
    }
    self.account = account
    self.options = options
    path = file ?? AuthorizedKeysFile(of: account).path
    target = [file.map { "--file=\($0)" } ?? "--user=\(account.name)"]
  }

  /// Writes the key; `completion` is called with true for a new key, false for one that was there.
  func install(
    _ key: SSHPublicKey, _ loop: EventLoop, completion: @escaping (Result<Bool, AuthorizedKeysError>) -> Void
  ) -> KeyInstallation {
    var arguments = ["ssh", "install-key"] + target
    if options.isRestricted { arguments.append("--restrict") }
    if let expiry = options.expiry { arguments.append("--expiry=\(expiry)") }
    return KeyInstallation(loop, arguments + [key.line], completion: completion)
  }
}
