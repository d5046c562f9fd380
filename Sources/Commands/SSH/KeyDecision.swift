import Crypto
import Glibc
import Reactor
import Wire

/// What becomes of a key that somebody sent: shown, asked about, written or refused.
final class KeyDecision {
  private let loop: EventLoop
  private let installer: KeyInstaller
  private let reporter: SessionReporter
  private let isJSON: Bool
  private let asks: Bool
  private var question: Question?
  private var installation: KeyInstallation?
  private var isSessionOver = false
  private var outcome: SSHKeyAnswer.Outcome?

  init(_ loop: EventLoop, _ installer: KeyInstaller, _ reporter: SessionReporter, isJSON: Bool, asks: Bool) {
    self.loop = loop
    self.installer = installer
    self.reporter = reporter
    self.isJSON = isJSON
    self.asks = asks
  }

  /// Decides, perhaps after a person has; `answer` is called once.
  func decide(on bytes: [UInt8]?, answer: @escaping (SSHKeyAnswer) -> Void) {
    let key: SSHPublicKey
    do throws(SSHKeyError) {
      guard let bytes else { throw .tooLong }
      key = try SSHKeyOffer.parse(bytes).key
    } catch {
      // What is wrong with its own key the other side may know.
      return answer(refuse(.failed, "\(error)", told: "\(error)"))
    }
    reporter.line("the other side's key: \(key.description)")
    if isJSON {
      JSONLine(event: "key").adding("type", key.kind.rawValue)
        .adding("fingerprint", SSHPublicKey.fingerprint(of: SHA256.digest([key.blob])))
        .adding("comment", key.comment).emit()
    }
    guard asks else { return write(key, answer) }
    // Nobody is let in unasked (AUK-7).
    guard let terminal = Terminal() else {
      return answer(refuse(.declined, "there is no terminal to ask at; --yes would accept it"))
    }
    question = Question(
      loop, at: terminal, "Let this key log in as \(printable(installer.account.name))?", isYesUsual: false
    ) { [unowned self] isYes in
      question = nil
      if isYes { write(key, answer) } else { answer(refuse(.declined)) }
    }
  }

  private func write(_ key: SSHPublicKey, _ answer: @escaping (SSHKeyAnswer) -> Void) {
    installation = installer.install(key, loop) { [unowned self] result in
      installation = nil
      switch result {
      case .success(let isNew): answer(accept(isNew: isNew))
      case .failure(let error):
        // What is wrong with this machine's files is not the other side's business.
        answer(refuse(.failed, error.description, told: "it could not be written"))
      }
      if isSessionOver { loop.stop() }
    }
  }

  private func accept(isNew: Bool) -> SSHKeyAnswer {
    let path = printable(installer.path)
    if isNew {
      reporter.line("the key was added to \(path)")
    } else if installer.options == AuthorizedKeyOptions() {
      reporter.line("\(path) had the key already")
    } else {
      reporter.warning("\(path) had the key already; --restrict and --expires changed nothing about it")
    }
    var answer = decided(isNew ? .added : .present)
    answer.user = installer.account.name
    answer.host = Self.hostName()
    answer.fingerprints = Self.hostKeys().map(\.description)
    return answer
  }

  /// - Parameters:
  ///   - reason: what is said here.
  ///   - told: what the other side is told.
  private func refuse(_ outcome: SSHKeyAnswer.Outcome, _ reason: String = "", told: String = "")
    -> SSHKeyAnswer
  {
    if !reason.isEmpty { reporter.line("the key was not accepted: \(printable(reason))") }
    var answer = decided(outcome, reason)
    answer.reason = told
    return answer
  }

  private func decided(_ outcome: SSHKeyAnswer.Outcome, _ reason: String = "") -> SSHKeyAnswer {
    self.outcome = outcome
    if isJSON {
      JSONLine(event: "answer").adding("outcome", "\(outcome)").adding("user", installer.account.name)
        .adding("message", optional: reason.isEmpty ? nil : reason).emit()
    }
    return SSHKeyAnswer(outcome: outcome)
  }

  /// The exit code. What has begun to be written is waited for, so that it can be told.
  func exitStatus(session status: Int32) throws(CommandFailure) -> Int32 {
    question?.cancel()
    if installation != nil {
      isSessionOver = true
      loop.run()
    }
    switch outcome {
    case nil where status == ExitStatus.success:
      throw CommandFailure("the other side left before its key was decided on", status: ExitStatus.peerGone)
    // That a key was written is only half of it: the other side has to know.
    case nil, .added, .present: return status
    case .declined: return ExitStatus.refused
    case .failed: return ExitStatus.failure
    }
  }

  private static func hostName() -> String {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    return name.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
  }

  /// The public keys of this machine's ssh server, where they usually are.
  private static func hostKeys() -> [SSHPublicKey] {
    ["ed25519", "ecdsa", "rsa"].compactMap { try? SSHPublicKey.read("/etc/ssh/ssh_host_\($0)_key.pub") }
  }
}
