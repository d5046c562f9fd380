import Wire

/// A UDP datagram on its way.
final class Datagram {
  /// Who made it what it is.
  enum Origin: Equatable {
    case party(Int)
    case stunServer
    /// Forged, replayed, redirected or damaged on the way.
    case intruder
  }

  let origin: Origin
  let source: IPEndpoint
  let destination: IPEndpoint
  let bytes: [UInt8]

  init(origin: Origin, source: IPEndpoint, destination: IPEndpoint, bytes: [UInt8]) {
    self.origin = origin
    self.source = source
    self.destination = destination
    self.bytes = bytes
  }

  /// Bytes of the IP packet: IPv4 or IPv6 header and UDP header included.
  var packetLength: Int { Self.packetLength(bytes.count, to: destination) }

  static func packetLength(_ count: Int, to destination: IPEndpoint) -> Int {
    count + (destination.address.isIPv4 ? 28 : 48)
  }

  /// The same bytes under other addresses.
  func with(source: IPEndpoint, destination: IPEndpoint, origin: Origin? = nil) -> Datagram {
    Datagram(origin: origin ?? self.origin, source: source, destination: destination, bytes: bytes)
  }
}

/// What a datagram is, as far as anybody without keys can tell.
enum DatagramKind: Equatable {
  case probe
  case probeAnswer
  /// A session frame of this lane; `isPayload` for the kinds data and end.
  case frame(lane: UInt8, isPayload: Bool)
  case other

  private static let discoMagic = [0] + Array("derphole-disco1".utf8)
  private static let discoLength = 65

  init(_ bytes: UnsafeRawBufferPointer) {
    if bytes.count == Self.discoLength, bytes[0] == 0, bytes.prefix(16).elementsEqual(Self.discoMagic) {
      self = bytes[16] == 1 ? .probe : bytes[16] == 2 ? .probeAnswer : .other
    } else if bytes.count >= SessionFrameHeader.overhead, bytes[0] == SessionFrameHeader.magic {
      let kind = SessionFrameKind(rawValue: bytes[1])
      self = .frame(lane: bytes[2], isPayload: kind?.isPayload ?? false)
    } else {
      self = .other
    }
  }

  init(_ bytes: [UInt8]) {
    self = bytes.withUnsafeBytes { DatagramKind($0) }
  }
}
