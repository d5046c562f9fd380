import Wire

/// Why a session ended without success. The description is one line for a person.
public enum SessionFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// The token's hour is over and nobody came.
  case tokenExpired
  /// The acceptor refused; code and reason are the peer's words.
  case refused(code: String, reason: String)
  /// No acceptor answered in time.
  case noAnswer
  /// The peer gave up; the reason is the peer's words.
  case peerAborted(reason: String)
  /// Nothing came from the peer for 14 s, or 30 s of a session of streams, although our own path was up.
  case peerSilent
  /// A part of the payload was lost again and again although the peer answered.
  case undeliverable
  /// The relay could not be reached at all.
  case relayUnreachable(String)
  /// The relay was lost and did not come back within a minute.
  case relayLost(String)
  /// Somebody at this side interrupted the session.
  case cancelled
  /// Somebody at this side did not want what was offered.
  case declined(String)
  /// The peer did not want what was offered; the reason is the peer's words.
  case peerDeclined(reason: String)
  /// The source could not be read.
  case sourceFailed(String)
  /// The output could not be written.
  case outputFailed(String)
  /// The peer broke the protocol.
  case protocolViolation(String)
  /// The cryptographic library failed, or the number of frames was exhausted.
  case cryptography(String)

  public var description: String {
    switch self {
    case .tokenExpired: "the token expired before anybody used it"
    case .refused(let code, let reason):
      switch code {
      case "claimed": "refused: the token is already claimed by somebody else"
      case "expired": "refused: the token has expired"
      default: "refused by the peer: \(printable(reason.isEmpty ? code : reason))"
      }
    case .noAnswer: "no answer: is the other side still waiting, and is the token its newest?"
    case .peerAborted(let reason): "peer aborted the transfer: \(printable(reason))"
    case .peerSilent: "peer vanished: nothing was heard from it any more"
    case .undeliverable: "a part of the data does not get through, although the other side answers"
    case .relayUnreachable(let reason): "cannot reach the relay: \(printable(reason))"
    case .relayLost(let reason): "lost the relay and could not reach it again: \(printable(reason))"
    case .cancelled: "interrupted"
    case .declined(let reason): "declined\(reason.isEmpty ? "" : ": \(reason)")"
    case .peerDeclined(let reason): "the other side declined\(reason.isEmpty ? "" : ": \(printable(reason))")"
    case .sourceFailed(let reason): "cannot read the input: \(reason)"
    case .outputFailed(let reason): "cannot write the output: \(reason)"
    case .protocolViolation(let what): "peer broke the protocol: \(what)"
    case .cryptography(let what): "cryptography failed: \(what)"
    }
  }
}

/// How a session ended.
public enum SessionOutcome: Hashable, Sendable {
  /// Every byte arrived, was authenticated and written; the payload's length in bytes.
  case success(bytes: UInt64)
  case failure(SessionFailure)
}
