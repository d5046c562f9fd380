import Glibc
import Reactor
import Wire

/// The public keys of who runs this program.
struct OwnKeys {
  /// In the order in which they are looked for.
  private static let names = ["id_ed25519", "id_ecdsa", "id_ed25519_sk", "id_ecdsa_sk", "id_rsa"]

  let reporter: SessionReporter
  /// Whether a key that has to be made gets a passphrase, for which ssh-keygen asks.
  let hasPassphrase: Bool

  /// The key of that file, else the first that is there, else a new one. What exists is never touched.
  func choose(_ path: String?) throws(CommandFailure) -> SSHPublicKey {
    if let path { return try SSHPublicKey.read(path) }
    guard let account = Account.current else {
      throw CommandFailure(
        "this account has no home: name a key with --key", status: ExitStatus.localInputOutput)
    }
    // Tests and scripts may have another home than the account's.
    let home = getenv("HOME").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } ?? account.home
    for name in Self.names where access("\(home)/.ssh/\(name).pub", F_OK) == 0 {
      return try SSHPublicKey.read("\(home)/.ssh/\(name).pub")
    }
    return try make("\(home)/.ssh", "\(home)/.ssh/\(Self.names[0])")
  }

  private func make(_ folder: String, _ path: String) throws(CommandFailure) -> SSHPublicKey {
    guard access(path, F_OK) != 0 else {
      throw CommandFailure(
        "\(printable(path)) has no public half beside it: name a key with --key",
        status: ExitStatus.localInputOutput)
    }
    guard !hasPassphrase || Terminal() != nil else {
      throw CommandFailure(
        "there is no key yet, and no terminal to ask for its passphrase: --no-passphrase makes one without",
        status: ExitStatus.localInputOutput)
    }
    guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
      throw CommandFailure(
        "cannot make \(printable(folder)): \(SystemError.text(of: errno))",
        status: ExitStatus.localInputOutput)
    }
    reporter.line("making a key: \(printable(path))")
    var words = ["ssh-keygen", "-q", "-t", "ed25519", "-f", path]
    if !hasPassphrase { words += ["-N", ""] }
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var process = pid_t()
    let status = posix_spawnp(&process, "ssh-keygen", nil, nil, &arguments, environ)
    guard status == 0 else {
      throw CommandFailure(
        "cannot start ssh-keygen: \(SystemError.text(of: status))", status: ExitStatus.failure)
    }
    var result: Int32 = 0
    while waitpid(process, &result, 0) < 0, errno == EINTR {}
    guard result == 0 else { throw CommandFailure("ssh-keygen made no key", status: ExitStatus.failure) }
    return try SSHPublicKey.read("\(path).pub")
  }
}
