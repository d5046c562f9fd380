import CNgtcp2

/// A QUIC connection ID (RFC 9000, section 5.1) as the key of a table.
struct ConnectionID: Hashable {
  /// The most bytes of an ID.
  static let maximumLength = 20

  private var words: SIMD4<UInt64> = .zero

  /// Nil for more bytes than an ID has.
  init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count <= Self.maximumLength else { return nil }
    for (index, byte) in bytes.enumerated() { words[index / 8] |= UInt64(byte) << (index % 8 * 8) }
    words[3] = UInt64(bytes.count)
  }

  init(_ id: ngtcp2_cid) {
    self = withUnsafeBytes(of: id.data) { ConnectionID($0.prefix(Int(id.datalen))) ?? ConnectionID() }
  }

  private init() {}
}

/// What a packet says to whoever has several connections, before it is opened: RFC 8999 and RFC 9000, section 17.
struct QUICPacketHeader {
  /// Whether a client begins with it.
  let isInitial: Bool
  let destination: ConnectionID
  /// How many bytes the destination's ID has.
  let destinationLength: Int

  /// Where the ID's length stands in a long header.
  private static let lengthOffset = 5
  private static let version: [UInt8] = [0, 0, 0, 1]

  /// Nil for what is no packet of QUIC's version 1.
  ///
  /// - Parameter idLength: how long our own IDs are: a short header does not say it.
  init?(_ packet: UnsafeRawBufferPointer, idLength: Int) {
    guard let first = packet.first, first & 0x40 != 0 else { return nil }
    let start: Int
    if first & 0x80 == 0 {
      isInitial = false
      start = 1
      destinationLength = idLength
    } else {
      guard packet.count > Self.lengthOffset,
        packet[1..<Self.lengthOffset].elementsEqual(Self.version)
      else { return nil }
      isInitial = first & 0x30 == 0
      start = Self.lengthOffset + 1
      destinationLength = Int(packet[Self.lengthOffset])
    }
    guard packet.count >= start + destinationLength,
      let id = ConnectionID(packet[start..<start + destinationLength])
    else { return nil }
    destination = id
  }
}
