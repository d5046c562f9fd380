/// A decoder and what must hold for every input it is given. The fuzzer and the unit tests share these.
enum WireTarget: String, CaseIterable, Sendable {
  case derpFrames = "derp-frames"
  case derpInfo = "derp-info"
  case upgrade = "upgrade"
  case sessionToken = "session-token"
  case route = "route"
  case displayText = "display-text"
  case envelope = "envelope"
  case nativeMessages = "native-messages"
  case stun = "stun"
  case derpMap = "derp-map"
  case candidate = "candidate"
  case derptun = "derptun"
  case sessionFrame = "session-frame"
  case pcp = "pcp"
  case names = "names"
  case transfer = "transfer"
  case sshKeys = "ssh-keys"
  case revocationList = "revocation-list"
  case serviceRegistry = "service-registry"
  case tunnelStatus = "tunnel-status"
  case flowDatagram = "flow-datagram"
  case laneHeader = "lane-header"
  case laneChunk = "lane-chunk"

  /// What an input breaks; nil when all holds. Beyond "does not trap": what parses is serialised and parsed
  /// again to the same value.
  func violation(_ input: UnsafeRawBufferPointer) -> String? {
    switch self {
    case .derpFrames: DERPProperties.frames(input)
    case .derpInfo: DERPProperties.info(input)
    case .upgrade: DERPProperties.upgrade(input)
    case .sessionToken: TokenProperties.sessionToken(input)
    case .route: TokenProperties.route(input)
    case .displayText: DisplayProperties.text(input)
    case .envelope: EnvelopeProperties.envelope(input)
    case .nativeMessages: EnvelopeProperties.nativeMessages(input)
    case .stun: AddressProperties.stun(input)
    case .derpMap: AddressProperties.derpMap(input)
    case .candidate: AddressProperties.candidate(input)
    case .derptun: TokenProperties.derptun(input)
    case .sessionFrame: SessionFrameProperties.frame(input)
    case .pcp: PCPProperties.message(input)
    case .names: NameProperties.path(input)
    case .transfer: TransferProperties.messages(input)
    case .sshKeys: SSHKeyProperties.all(input)
    case .revocationList: TunnelProperties.revocationList(input)
    case .serviceRegistry: TunnelProperties.serviceRegistry(input)
    case .tunnelStatus: TunnelProperties.controlReply(input)
    case .flowDatagram: TunnelProperties.flowDatagram(input)
    case .laneHeader: TunnelProperties.laneHeader(input)
    case .laneChunk: TunnelProperties.laneChunk(input)
    }
  }
}

/// The first complaint of a list of checks, each evaluated only when those before it found nothing.
func firstViolation(_ checks: (() -> String?)...) -> String? {
  for check in checks {
    if let violation = check() { return violation }
  }
  return nil
}

/// Complains when a value does not survive being written and read again.
func mismatch<Value: Equatable>(_ what: String, _ value: Value, _ again: Value?) -> String? {
  value == again ? nil : "\(what): \(value) came back as \(String(describing: again))"
}
