import Basics

/// How far the payload is. Strings in it are safe to print.
struct TransferProgress: Equatable {
  enum Phase: Equatable {
    /// What an earlier transfer left is compared with what is offered.
    case comparing
    case moving
    /// Everything is there; files are written to their end, the digest is compared.
    case verifying
  }

  /// Where new payload goes.
  enum Path: String {
    case relay
    case direct
  }

  var phase = Phase.moving
  /// What is moved; empty for a stream.
  var name = ""
  /// How much of it is at its destination, with what was there already.
  var bytes: UInt64 = 0
  /// Its size; nil while nobody knows it.
  var total: UInt64?
  /// How much was there before this transfer.
  var resumed: UInt64 = 0
  /// How many files are complete, of how many; nil when it is one.
  var files: Files?
  var path: Path?
  var bytesPerSecond: UInt64?

  struct Files: Equatable {
    var done: Int
    var total: Int
  }

  /// The share that is done, rounded down: 100 only when everything is there. Nil while the size is unknown.
  var percent: Int? {
    guard let total else { return nil }
    guard bytes < total else { return 100 }
    return Int(total.dividingFullWidth(bytes.multipliedFullWidth(by: 100)).quotient)
  }

  /// How long the rest takes at this rate; nil when nobody can tell.
  var secondsLeft: UInt64? {
    guard let total, let bytesPerSecond, bytesPerSecond > 0, phase == .moving else { return nil }
    return total <= bytes ? 0 : (total - bytes - 1) / bytesPerSecond + 1
  }
}
