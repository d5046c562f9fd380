import Basics
import Engine

/// What a party of a session of streams does with datagrams: the claimant sends some while its streams move, the acceptor
/// sends back what it gets. They may be lost; what arrives must be what was sent, once.
struct DatagramWork {
  /// The longest, which not every path carries.
  private static let largest = 1_500

  private let isOpener: Bool
  private let count: Int
  private var sent = 0
  private var hasArrived: [Bool]
  /// The first thing that must not happen but did.
  private(set) var violation: String?

  /// - Parameter count: how many datagrams the claimant sends.
  init(isOpener: Bool, count: Int) {
    self.isOpener = isOpener
    self.count = count
    hasArrived = [Bool](repeating: false, count: count)
  }

  /// How many came.
  var arrived: Int { hasArrived.count { $0 } }

  /// Does what can be done now; whether anything was.
  ///
  /// - Parameter mayBegin: whether one more may be sent that is no answer.
  mutating func pump(_ session: Session, mayBegin: Bool, at now: Instant) -> Bool {
    var hasMoved = false
    var answers: [[UInt8]] = []
    while session.readDatagram(
      at: now,
      { bytes in
        take(bytes)
        if !isOpener { answers.append(Array(bytes)) }
      })
    {
      hasMoved = true
    }
    for answer in answers { _ = answer.withUnsafeBytes { session.sendDatagram($0, at: now) } }
    guard isOpener, mayBegin, sent < count, let largest = session.largestDatagram else { return hasMoved }
    let datagram = Self.datagram(sent)
    let result = datagram.withUnsafeBytes { session.sendDatagram($0, at: now) }
    sent += 1
    if (result == .tooLarge) != (datagram.count > largest) {
      violation = "a datagram of \(datagram.count) bytes is \(result), where \(largest) are allowed"
    }
    return true
  }

  /// Its number and then the pattern from a place of its own.
  private static func datagram(_ number: Int) -> [UInt8] {
    let length = 4 + number * 397 % (largest - 3)
    var bytes = [UInt8](repeating: 0, count: length)
    bytes.withUnsafeMutableBytes {
      $0.storeBytes(of: UInt32(number).bigEndian, as: UInt32.self)
      PayloadPattern.fill(
        UnsafeMutableRawBufferPointer(rebasing: $0[4...]), at: UInt64(number * 15_485_863))
    }
    return bytes
  }

  private mutating func take(_ bytes: UnsafeRawBufferPointer) {
    let number = bytes.count < 4 ? count : Int(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
    guard number < count, !isOpener || number < sent else {
      violation = "a datagram came that nobody sent"
      return
    }
    if hasArrived[number] { violation = "datagram \(number) came twice" }
    hasArrived[number] = true
    if !bytes.elementsEqual(Self.datagram(number)) { violation = "datagram \(number) is not what was sent" }
  }
}
