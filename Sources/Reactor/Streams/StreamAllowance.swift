import Basics

/// How much the connections of one session may move, together.
final class StreamAllowance {
  /// Less than this is not worth a system call.
  private static let step = 16 << 10

  private var bytes: ByteAllowance

  init(bytesPerSecond: UInt64, at now: Instant) {
    bytes = ByteAllowance(bytesPerSecond: bytesPerSecond, at: now)
  }

  /// How many bytes may move now: 0, or as much as is worth moving.
  func available(at now: Instant) -> Int {
    let count = bytes.bytes(at: now)
    return count >= min(Self.step, bytes.burst) ? count : 0
  }

  func take(_ count: Int) { bytes.take(count) }

  /// When there will be something again.
  var nextAt: Instant { bytes.time(for: min(Self.step, bytes.burst)) }
}
