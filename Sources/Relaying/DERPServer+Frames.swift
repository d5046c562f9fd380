import Basics
import Wire

extension DERPServer {
  /// Relays the complete frames in `bytes` and returns how much they make up.
  ///
  /// `sendPacket` and `receivePacket` frames have the same size, so a packet is relayed by writing over its type
  /// and key. Frames that follow each other and have the same receiver make up a run, which is delivered in one
  /// piece.
  func processFrames(
    _ connection: Connection, _ bytes: UnsafeMutableRawBufferPointer, at now: Instant, _ sink: any RelaySink
  ) -> Int {
    guard let source = connection.peer?.key else { return bytes.count }
    if !connection.isActive { directory.activate(connection) }
    var run = Run()
    var offset = 0
    while let header = DERPFrameHeader.parse(UnsafeRawBufferPointer(bytes.dropping(offset))) {
      let end = offset + DERP.frameHeaderLength + header.length
      guard header.type == DERPFrameType.sendPacket.rawValue else {
        deliver(&run, bytes, at: now, sink)
        guard connection.isOpen else { return bytes.count }
        let step = processControl(connection, header, bytes.dropping(offset), at: now, sink)
        guard connection.isOpen, step > 0 else { return offset }
        offset += step
        if connection.skip > 0 { return offset }
        continue
      }
      guard (DERP.keyLength...DERP.maximumPacketFrameLength).contains(header.length) else {
        deliver(&run, bytes, at: now, sink)
        doom(connection, .malformedFrame(header.type))
        return bytes.count
      }
      guard end <= bytes.count else { break }
      connection.traffic.packetsReceived += 1
      let frame = UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<end])
      let destination = Bytes32(
        loading: UnsafeRawBufferPointer(frame.dropping(DERP.frameHeaderLength)))
      guard let target = route(connection, to: destination) else {
        counters.droppedUnknown += 1
        reportNotHere(connection, destination, UnsafeRawBufferPointer(frame), at: now, sink)
        offset = end
        continue
      }
      if run.target !== target || run.end != offset {
        deliver(&run, bytes, at: now, sink)
        guard connection.isOpen else { return bytes.count }
        run = Run(target: target, start: offset)
      }
      frame[0] = DERPFrameType.receivePacket.rawValue
      source.store(into: frame.dropping(DERP.frameHeaderLength))
      run.end = end
      run.packets += 1
      offset = end
    }
    deliver(&run, bytes, at: now, sink)
    return offset
  }

  /// Frames for one receiver that lie one after the other.
  private struct Run {
    var target: Connection?
    var start = 0
    var end = 0
    var packets = 0
  }

  private func deliver(
    _ run: inout Run, _ bytes: UnsafeMutableRawBufferPointer, at now: Instant, _ sink: any RelaySink
  ) {
    guard let target = run.target else { return }
    run.target = nil
    let frames = UnsafeRawBufferPointer(rebasing: bytes[run.start..<run.end])
    deliver(frames, packets: run.packets, to: target, at: now, sink)
  }

  /// The connection that a packet for `key` goes to. A run of packets for one key costs one look-up.
  private func route(_ connection: Connection, to key: Bytes32) -> Connection? {
    if connection.routeVersion == directory.version, connection.routeKey == key {
      return connection.routeSlot < 0 ? nil : connections[connection.routeSlot]
    }
    let target = directory.active(key)
    connection.routeVersion = directory.version
    connection.routeKey = key
    connection.routeSlot = target?.id.slot ?? -1
    if let target {
      connection.peer?.remember(target.id) { self.connection($0) != nil }
    }
    return target
  }

  /// Handles a frame that carries no packet. Returns its length, or 0 when it is not complete.
  private func processControl(
    _ connection: Connection, _ header: DERPFrameHeader, _ bytes: UnsafeMutableRawBufferPointer,
    at now: Instant, _ sink: any RelaySink
  ) -> Int {
    switch DERPFrameType(rawValue: header.type) {
    case .ping where (DERP.pingLength...DERP.maximumPingLength).contains(header.length),
      .notePreferred where header.length == 1:
      let end = DERP.frameHeaderLength + header.length
      guard end <= bytes.count else { return 0 }
      let payload = UnsafeRawBufferPointer(rebasing: bytes[DERP.frameHeaderLength..<end])
      if header.type == DERPFrameType.ping.rawValue, let ping = try? PingFrame.parse(payload) {
        send(DERPControlFrame.pong(ping).serialized(), to: connection, at: now, sink)
      }
      return end
    case .ping, .notePreferred, .forwardPacket, .watchConnections, .closePeer:
      // The last three are for relays of one mesh, which nobody here belongs to.
      doom(connection, .malformedFrame(header.type))
      return 0
    default:
      connection.skip = header.length
      return DERP.frameHeaderLength
    }
  }

  /// Tells the sender that the receiver is not here, but only for packets that look like Tailscale's discovery
  /// messages (as Tailscale's relays do), and three times a second at most.
  private func reportNotHere(
    _ connection: Connection, _ key: Bytes32, _ frame: UnsafeRawBufferPointer, at now: Instant,
    _ sink: any RelaySink
  ) {
    let packet = UnsafeRawBufferPointer(rebasing: frame[DERP.packetHeaderLength...])
    guard packet.count >= Self.shortestDiscovery, packet.starts(with: Self.discoveryMagic),
      connection.goneNotices.take(at: now)
    else { return }
    let gone = PeerGoneFrame(peer: key, reason: PeerGoneFrame.notHere)
    send(DERPControlFrame.peerGone(gone).serialized(), to: connection, at: now, sink)
  }

  private static let discoveryMagic: [UInt8] = [0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac]
  /// Magic, sender's key, nonce.
  private static let shortestDiscovery = 6 + 32 + 24
}
