/// What a packet from the relay is.
public enum PacketClass: Hashable, Sendable {
  /// A JSON envelope of a known type.
  case envelope
  /// A QUIC datagram, or something that nobody knows.
  case datagram
  /// A frame of the native plane.
  case sessionFrame

  /// Classifies a packet. A QUIC packet may start with `{`, so what does is read before it counts as JSON.
  public static func classify(_ packet: UnsafeRawBufferPointer) -> PacketClass {
    guard let first = packet.first else { return .datagram }
    if first == SessionFrameHeader.magic { return .sessionFrame }
    guard first == UInt8(ascii: "{"), let document = try? EnvelopeDocument.parse(packet),
      document.kind != nil
    else { return .datagram }
    return .envelope
  }
}
