import Basics

/// The five bytes in front of every frame's payload.
public struct DERPFrameHeader: Hashable, Sendable {
  /// The type byte as it is on the wire; it may be one that `DERPFrameType` does not know.
  public var type: UInt8
  /// Payload bytes that follow, 0 to 2^32 - 1. The caller applies the limit of its role.
  public var length: Int

  /// Makes a header from its raw parts.
  @inlinable
  public init(type: UInt8, length: Int) {
    self.type = type
    self.length = length
  }

  /// Makes the header of a frame of a known type.
  @inlinable
  public init(_ type: DERPFrameType, length: Int) {
    self.init(type: type.rawValue, length: length)
  }

  /// Reads a header from the start of `bytes`; nil when there are fewer than five.
  @inlinable
  public static func parse(_ bytes: UnsafeRawBufferPointer) -> DERPFrameHeader? {
    guard bytes.count >= DERP.frameHeaderLength else { return nil }
    let length = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
    return DERPFrameHeader(type: bytes[0], length: Int(length))
  }

  /// Writes the header into the first five bytes of `buffer`, which must hold them.
  @inlinable
  public func store(into buffer: UnsafeMutableRawBufferPointer) {
    precondition(buffer.count >= DERP.frameHeaderLength)
    buffer[0] = type
    let wire = UInt32(truncatingIfNeeded: length).bigEndian
    buffer.storeBytes(of: wire, toByteOffset: 1, as: UInt32.self)
  }

  /// Writes header and key of a `sendPacket` or `receivePacket` frame that carries `packetLength` bytes into
  /// the first 37 bytes of `buffer`, which must hold them.
  @inlinable
  public static func storePacketHeader(
    _ type: DERPFrameType, peer: Bytes32, packetLength: Int, into buffer: UnsafeMutableRawBufferPointer
  ) {
    precondition(buffer.count >= DERP.packetHeaderLength)
    DERPFrameHeader(type, length: DERP.keyLength + packetLength).store(into: buffer)
    peer.store(into: UnsafeMutableRawBufferPointer(rebasing: buffer[DERP.frameHeaderLength...]))
  }
}
