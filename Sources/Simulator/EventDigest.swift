import Basics

/// What an entry of the event log tells; part of the digest, so the numbers are never given anew.
enum LogKind: UInt64 {
  case start = 1
  case dial = 2
  case connected = 3
  case refused = 4
  case closed = 5
  case arrival = 6
  case packet = 7
  case transition = 8
  case relayLost = 9
  case delivered = 10
  case finished = 11
  case fault = 12
  case left = 13
  case socket = 14
  case datagramSent = 15
  case datagramLost = 16
  case datagramArrived = 17
  case path = 18
}

/// A running digest of the event log (FNV-1a, 64 bits): kinds, times, sizes and transitions, never ciphertext. Two
/// runs of one seed give the same digest, in whatever process.
public struct EventDigest: Hashable, Sendable, CustomStringConvertible {
  /// The digest so far.
  public private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325
  /// How many entries went in.
  public private(set) var entries: UInt64 = 0

  mutating func add(_ kind: LogKind, _ numbers: UInt64..., at now: Instant) {
    entries += 1
    mix(kind.rawValue)
    mix(UInt64(bitPattern: now.nanoseconds))
    for number in numbers { mix(number) }
  }

  mutating func add(_ text: String) {
    for byte in text.utf8 { step(byte) }
  }

  private mutating func mix(_ number: UInt64) {
    withUnsafeBytes(of: number.littleEndian) { bytes in
      for byte in bytes { step(byte) }
    }
  }

  private mutating func step(_ byte: UInt8) {
    value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
  }

  public var description: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
