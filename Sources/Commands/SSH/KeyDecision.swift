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
      return answer(refuse(.failed, "\(error)"))
    }
    reporter.line("the other side's key: \(key.description)")
    if isJSON {
      JSONLine(event: "key").adding("type", key.kind.rawValue)
        .adding("fingerprint", SSHPublicKey.fingerprint(of: SHA256.digest([key.blob])))
        .adding("comment", key.comment).emit()
    }
    guard asks else { return answer(write(key)) }
    // Nobody is let in unasked (AUK-7).
    guard !isJSON, let terminal = Terminal() else {
      return answer(refuse(.declined, "there is no terminal to ask at; --yes would accept it"))
    }
    question = Question(
      loop, at: terminal, "Let this key log in as \(printable(installer.account.name))?", isYesUsual: false
    ) { [unowned self] isYes in
      question = nil
      answer(isYes ? write(key) : refuse(.declined, ""))
    }
  }

  private func write(_ key: SSHPublicKey) -> SSHKeyAnswer {
    do {
      let isNew = try installer.install(key)
      outcome = isNew ? .added : .present
      reporter.line(
        isNew
          ? "the key was added to \(printable(installer.file.path))"
          : "\(printable(installer.file.path)) had the key already")
      var answer = SSHKeyAnswer(outcome: isNew ? .added : .present)
      answer.user = installer.account.name
      answer.host = Self.hostName()
      answer.fingerprints = Self.hostKeys().map(\.description)
      return answer
    } catch {
      return refuse(.failed, error.description)
    }
  }

  private func refuse(_ outcome: SSHKeyAnswer.Outcome, _ reason: String) -> SSHKeyAnswer {
    self.outcome = outcome
    if !reason.isEmpty { reporter.line("the key was not accepted: \(printable(reason))") }
    var answer = SSHKeyAnswer(outcome: outcome)
    // What is wrong with this machine's files is not the other side's business.
    answer.reason = outcome == .failed ? "the key could not be accepted" : reason.isEmpty ? "" : "declined"
    return answer
  }

  /// A key that was written stays written, whatever became of the session afterwards.
  func exitStatus(session status: Int32) -> Int32 {
    question?.cancel()
    return switch outcome {
    case nil: status == ExitStatus.success ? ExitStatus.peerGone : status
    case .added, .present: ExitStatus.success
    case .declined: ExitStatus.refused
    case .failed: ExitStatus.failure
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
