import ArgumentParser
import Crypto
import Glibc
import Reactor
import Wire

/// `derphole ssh`: exchange of public keys.
struct SSHCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ssh", abstract: "Give somebody access by ssh: exchange a public key.",
    subcommands: [SSHInviteCommand.self, SSHAcceptCommand.self, SSHInstallKeyCommand.self])

  @ParentCommand var parent: DerpholeCommand
}

/// How a key may be used.
struct KeyUseOptions: ParsableArguments {
  @Flag(name: .long, help: "The key opens a shell, but forwards nothing (restrict,pty).")
  var restrict = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "When the key stops to be accepted: in 90m, 12h or 30d, or at a time such as 2026-12-31T00:00:00Z.",
      valueName: "time"),
    transform: { text in
      guard let expiry = KeyExpiry(text) else {
        throw ValidationError("a time is given as 90m, 12h, 30d or 2026-12-31T00:00:00Z")
      }
      return expiry
    })
  var expires: KeyExpiry?

  func options(nowUnixSeconds: Int64) throws(CommandFailure) -> AuthorizedKeyOptions {
    guard expires?.isPast(nowUnixSeconds: nowUnixSeconds) != true else {
      throw CommandFailure("--expires names a time that has passed", status: ExitStatus.usage)
    }
    return AuthorizedKeyOptions(isRestricted: restrict, expiry: expires?.text(nowUnixSeconds: nowUnixSeconds))
  }
}

extension SSHPublicKey {
  /// `ssh-ed25519 SHA256:… (comment)`.
  var description: String {
    let print = Self.fingerprint(of: SHA256.digest([blob]))
    return "\(kind.rawValue) \(print)" + (comment.isEmpty ? "" : " (\(printable(comment)))")
  }

  /// Reads the first line of a file; throws one line that says what is wrong.
  static func read(_ path: String) throws(CommandFailure) -> SSHPublicKey {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw CommandFailure(
        "cannot read \(printable(path)): \(SystemError.text(of: errno))", status: ExitStatus.localInputOutput)
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: longestLine + 1)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    do {
      return try parse(Array(bytes.prefix(max(0, count))))
    } catch {
      throw CommandFailure("\(printable(path)): \(error)", status: ExitStatus.localInputOutput)
    }
  }
}
