import Engine

/// The exit codes of `derphole`, as the README documents them.
enum ExitStatus {
  static let success: Int32 = 0
  static let failure: Int32 = 1
  static let localInputOutput: Int32 = 2
  static let unusableToken: Int32 = 3
  static let refused: Int32 = 4
  static let relay: Int32 = 5
  static let peerGone: Int32 = 6
  static let usage: Int32 = 64
  /// 128 + SIGINT.
  static let interrupted: Int32 = 130

  /// The code for a session that failed so.
  static func of(_ failure: SessionFailure) -> Int32 {
    switch failure {
    case .tokenExpired: unusableToken
    case .refused, .declined, .peerDeclined: refused
    case .noAnswer, .peerAborted, .peerSilent, .undeliverable: peerGone
    case .relayUnreachable, .relayLost: relay
    case .cancelled: interrupted
    case .sourceFailed, .outputFailed: localInputOutput
    case .protocolViolation, .cryptography: Self.failure
    }
  }
}

/// A failure before any session: one line for a person and the exit code.
struct CommandFailure: Error {
  var message: String
  var status: Int32

  init(_ message: String, status: Int32) {
    self.message = message
    self.status = status
  }
}
