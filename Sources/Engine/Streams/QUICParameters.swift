import Basics
import CNgtcp2

/// What a QUIC connection is set up with; `specs/streams.md` says why.
struct QUICParameters {
  /// ALPN identifiers, the best first.
  var protocols = ["derphole-swift/1"]
  /// The most bytes that the peer may have sent and the host not yet taken, of one stream and of all.
  var streamWindow: UInt64 = 16 << 20
  var connectionWindow: UInt64 = 32 << 20
  /// How many streams the peer may have open at once.
  var streams: UInt64 = 512
  /// The largest packet that is sent or taken, in bytes.
  var largestPacket = 8_952
  /// How long an acknowledgement may wait for company.
  var acknowledgementDelay = Interval.milliseconds(5)
  /// After so many packets it does not wait any longer.
  var acknowledgementThreshold = 8
  /// How long the peer may be silent; nil when the session judges that.
  var idleLimit: Interval?
  /// How often the peer is asked for a sign of life when nothing else moves; nil for never.
  var keepAlive: Interval?

  /// For a peer that runs upstream's program (UPS-9): a packet must fit every way that it may take.
  static let upstream = QUICParameters(
    protocols: ["derphole-quic/1"], streams: 64, largestPacket: 1_200, idleLimit: .seconds(30),
    keepAlive: .seconds(5))

  /// For each connection of a tunnel of such a peer (UPS-11): it notices sooner that the other side is gone.
  static let upstreamTunnel = QUICParameters(
    protocols: ["derphole-quic/1"], streams: 64, largestPacket: 1_200, idleLimit: .seconds(10),
    keepAlive: .seconds(2))

  /// The same for its server: upstream's dialer gives each flow twelve lanes, and each has a window of its own. Who does
  /// not read must not cost twelve times as much (UPS-14).
  static let upstreamTunnelServer: QUICParameters = {
    var parameters = upstreamTunnel
    parameters.streamWindow = 4 << 20
    parameters.connectionWindow = 16 << 20
    return parameters
  }()

  /// Whether datagrams are taken beside streams (RFC 9221).
  var carriesDatagrams = false

  static let idLength = 8
  /// The size of packets of the handshake, which are padded (RFC 9000, section 14.1).
  static let handshakePacket = 1_200

  func settings(at now: Instant) -> ngtcp2_settings {
    var settings = ngtcp2_settings()
    derphole_quic_settings_default(&settings)
    settings.initial_ts = UInt64(now.nanoseconds)
    settings.cc_algo = NGTCP2_CC_ALGO_CUBIC
    settings.max_tx_udp_payload_size = largestPacket
    // The session knows what its path carries, and says it with every packet.
    settings.no_tx_udp_payload_size_shaping = 1
    settings.no_pmtud = 1
    settings.ack_thresh = acknowledgementThreshold
    // The session decides when the peer counts as gone.
    settings.handshake_timeout = idleLimit.map { UInt64($0.nanoseconds) } ?? UInt64.max
    return settings
  }

  var transportParameters: ngtcp2_transport_params {
    var params = ngtcp2_transport_params()
    derphole_quic_transport_params_default(&params)
    params.initial_max_stream_data_bidi_local = streamWindow
    params.initial_max_stream_data_bidi_remote = streamWindow
    params.initial_max_data = connectionWindow
    params.initial_max_streams_bidi = streams
    params.initial_max_streams_uni = 0
    // The session knows better whether the peer is there.
    params.max_idle_timeout = idleLimit.map { UInt64($0.nanoseconds) } ?? 0
    params.max_udp_payload_size = UInt64(max(largestPacket, 1_200))
    params.max_ack_delay = UInt64(acknowledgementDelay.nanoseconds)
    params.disable_active_migration = 1
    // Whatever fits into a packet (RFC 9221, section 3); without it a DATAGRAM frame ends the connection.
    if carriesDatagrams { params.max_datagram_frame_size = 65_535 }
    // The fixed bit tells QUIC from session frames (RFC 9287 would allow the peer to clear it).
    params.grease_quic_bit = 0
    return params
  }
}
