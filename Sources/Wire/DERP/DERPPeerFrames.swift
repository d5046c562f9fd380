import Basics

/// Payload of a `peerGone` frame: who had sent something and is no longer there.
public struct PeerGoneFrame: Hashable, Sendable {
  /// The peer's connection to the relay ended.
  public static let disconnected: UInt8 = 0x00
  /// The relay knows no such peer.
  public static let notHere: UInt8 = 0x01

  /// The key of the peer.
  public var peer: Bytes32
  /// Why, as on the wire; old servers leave it out, which reads as `disconnected`.
  public var reason: UInt8

  public init(peer: Bytes32, reason: UInt8 = PeerGoneFrame.disconnected) {
    self.peer = peer
    self.reason = reason
  }

  /// Reads a payload; bytes after the reason are ignored.
  public static func parse(_ payload: UnsafeRawBufferPointer) throws(DERPFrameError) -> PeerGoneFrame {
    var reader = ByteReader(payload)
    guard let peer = reader.bytes32() else { throw .tooShort(type: DERPFrameType.peerGone.rawValue) }
    return PeerGoneFrame(peer: peer, reason: reader.integer() ?? disconnected)
  }

  /// The payload's 33 bytes.
  public func serialized() -> [UInt8] { peer.array + [reason] }
}

/// Payload of a `peerPresent` frame; only mesh clients get one.
public struct PeerPresentFrame: Hashable, Sendable {
  /// Where a peer is connected from.
  public struct Address: Hashable, Sendable {
    /// The IPv6 address, an IPv4 address in its mapped form.
    public var address: Bytes16
    /// The port.
    public var port: UInt16

    public init(address: Bytes16, port: UInt16) {
      self.address = address
      self.port = port
    }
  }

  /// The key of the peer.
  public var peer: Bytes32
  /// Where it is connected from, when the server says so.
  public var address: Address?
  /// Bits: 1 regular, 2 mesh peer, 4 prober, 8 not its ideal node. Only present after an address.
  public var flags: UInt8?

  /// Makes a payload; `flags` is dropped when there is no address to put it behind.
  public init(peer: Bytes32, address: Address? = nil, flags: UInt8? = nil) {
    self.peer = peer
    self.address = address
    self.flags = address == nil ? nil : flags
  }

  /// Reads a payload; a partial address is ignored, as are bytes after the flags.
  public static func parse(_ payload: UnsafeRawBufferPointer) throws(DERPFrameError) -> PeerPresentFrame {
    var reader = ByteReader(payload)
    guard let peer = reader.bytes32() else { throw .tooShort(type: DERPFrameType.peerPresent.rawValue) }
    guard let address = reader.bytes16(), let port = reader.integer(UInt16.self) else {
      return PeerPresentFrame(peer: peer)
    }
    return PeerPresentFrame(
      peer: peer, address: Address(address: address, port: port), flags: reader.integer())
  }

  /// The payload's 32, 50 or 51 bytes.
  public func serialized() -> [UInt8] {
    var bytes = peer.array
    guard let address else { return bytes }
    bytes += address.address.array
    bytes.append(bigEndian: address.port)
    if let flags { bytes.append(flags) }
    return bytes
  }
}

/// Payload of a `closePeer` frame.
public struct ClosePeerFrame: Hashable, Sendable {
  /// The key of the client to drop.
  public var peer: Bytes32

  public init(peer: Bytes32) { self.peer = peer }

  /// Reads a payload of exactly 32 bytes.
  public static func parse(_ payload: UnsafeRawBufferPointer) throws(DERPFrameError) -> ClosePeerFrame {
    let type = DERPFrameType.closePeer.rawValue
    guard payload.count <= DERP.keyLength else { throw .tooLong(type: type) }
    var reader = ByteReader(payload)
    guard let peer = reader.bytes32() else { throw .tooShort(type: type) }
    return ClosePeerFrame(peer: peer)
  }

  /// The payload's 32 bytes.
  public func serialized() -> [UInt8] { peer.array }
}
