import Basics
import Crypto
import Wire

/// What a session needs to know before it starts.
public struct SessionConfiguration {
  /// Which end of the token this side holds.
  public enum Role {
    /// It was given the token.
    case claimant
    /// It issued the token, which expires then.
    case acceptor(expiresAt: Instant)
    /// It issued the token, and lets in several claimants: this session only hands out what they say
    /// (`SessionEvent.knock`), each of them has an acceptor's session with a relay key of its own.
    case door
  }

  public var role: Role
  /// The token of the session.
  public var token: SessionToken
  /// The key that this side is reached by at the relay; for the acceptor the private half of the token's.
  public var derpKey: X25519PrivateKey
  /// The key that this session alone is reached by at the relay; nil when it is `derpKey`. Envelopes then come and go
  /// through the door that holds `derpKey`: `Session.deliver`, `SessionEvent.envelope`.
  public var sessionKey: X25519PrivateKey?
  /// Which way payload flows.
  public var flow: PayloadFlow
  /// Whether the side that receives payload answers with a stream of its own. Both sides must agree.
  public var isDialogue = false
  /// Set when the session carries streams instead of a payload; `flow` and `isDialogue` mean nothing then.
  public var streams: StreamsConfiguration?
  /// Who the claimant of a derptun credential is; nil for every other token.
  public var client: ClaimClient?
  /// How long the silence of a peer of streams is borne.
  public var streamPatience = StreamPatience.session
  /// Whether a relay that could not be reached at the very start is tried again, too.
  public var isRelayAwaited = false
  /// The longest pause between attempts to reach a lost relay.
  public var longestRelayPause = RelaySchedule.longestDelay
  /// Whether an acceptor of streams also lets in who runs upstream's program; a claimant goes by its token.
  public var speaksUpstream = false
  /// Whether a claimant with a derptun credential claims in our own language, too (UPS-16); only tests lower it.
  var claimsNatively = true
  /// What the relay's `Host` header says, with the port unless it is the scheme's.
  public var relayHost: String
  /// The path of the relay's URL.
  public var relayPath: String
  /// Stay on the relay whatever paths there are: no socket is opened.
  public var isRelayOnly = false
  /// Whether loopback addresses are candidates; only tests and demonstrations on one machine want that.
  public var allowsLoopbackCandidates = false
  /// What this machine seals frames with.
  public var ciphers = CipherChoice()
  /// Whether transitions of the data plane's machines are events, too. They cost time when much is lost.
  public var isTraced = false
  /// Frames that share a key; only tests lower it. Both sides must agree.
  public var framesPerEpoch = KeyEpochs.framesPerEpoch
  /// The most payload bytes of a frame; only tests lower it, so that a little payload makes many frames.
  public var largestFramePayload = SessionFrameHeader.maximumPayloadLength
  /// How long a lost relay is dialled again before the session gives up; only tests lower it.
  public var relayPatience = RelaySchedule.giveUpAfter

  var isClaimant: Bool {
    if case .claimant = role { true } else { false }
  }

  public init(
    role: Role, token: SessionToken, derpKey: X25519PrivateKey, flow: PayloadFlow, relayHost: String,
    relayPath: String = DERPUpgrade.path
  ) {
    self.role = role
    self.token = token
    self.derpKey = derpKey
    self.flow = flow
    self.relayHost = relayHost
    self.relayPath = relayPath
  }
}

/// What `Session.poll` put into the buffer.
public struct Transmission: Hashable, Sendable {
  /// Where the bytes are to go.
  public var path: PathID
  /// How many bytes of the buffer are to be sent.
  public var length: Int
  /// The size of each datagram but the last on a datagram path; the whole length on a stream.
  public var segmentLength: Int
}

/// What the host tells the session.
public enum HostEvent: Sendable {
  /// The connection to the relay stands. The key is known when the relay's certificate told it (fast start).
  case relayConnected(fastStartKey: Bytes32?)
  /// The relay could not be dialled, or its connection ended.
  case relayClosed(reason: String)
  /// The source has no more bytes.
  case sourceEnded
  /// The source cannot be read.
  case sourceFailed(reason: String)
  /// After `payloadEnded`: everything is written and closed.
  case outputClosed
  /// The output cannot be written.
  case outputFailed(reason: String)
  /// Somebody wants to stop.
  case interrupted
  /// Somebody does not want what the peer offers.
  case declined(reason: String)
  /// What the peer offers, or how it goes on, makes no sense.
  case contentRefused(reason: String)
  /// A socket that `openSocket` asked for is bound to this local port.
  case socketOpened(SocketID, port: UInt16)
  /// A socket that `openSocket` asked for cannot be had, or is no longer of any use.
  case socketFailed(SocketID, reason: String)
  /// The addresses of this machine's interfaces: told once before the first socket is opened, and whenever they
  /// or the routes change.
  case networkChanged(addresses: [IPAddress])
  /// Servers that tell where our datagrams come from, the nearest first. More than one, on different addresses,
  /// shows what the NAT does.
  case stunServers([IPEndpoint])
  /// A router maps this address to the port of `SocketID.ipv4`; nil when it no longer does.
  case portMapped(IPEndpoint?)
  /// A datagram of `pollDatagrams` was refused by the system. A mere lack of room is no failure: the host sends it
  /// later.
  case datagramFailed(DirectPath, DatagramFailure)
}

/// Where a session stands, as `--verbose` prints it.
public enum SessionState: String, Sendable {
  case waitingForClaim = "waiting-for-claim"
  case claimed = "claimed"
  case connectedRelay = "connected-relay"
  case connectedDirect = "connected-direct"
}

/// What the session tells its host.
public enum SessionEvent: Sendable {
  /// Dial the relay and report with `relayConnected` or `relayClosed`.
  case dialRelay
  /// Close the relay's connection; nothing more is read from it or written to it.
  case closeRelay
  /// The relay's connection is gone; it is dialled again.
  case relayLost(reason: String)
  /// The relay said something about itself.
  case relayNotice(RelayNotice)
  case state(SessionState)
  /// The peer of a session of streams is silent, or heard again.
  case peerMissing(Bool)
  /// The acceptor does not know the session any more: asked by `Session.askAgain`, it decided anew (TUN-5).
  case peerRestarted
  /// Open a UDP socket on any free port and report with `socketOpened` or `socketFailed`.
  case openSocket(SocketID)
  /// Close the socket; what arrives on it no longer matters.
  case closeSocket(SocketID)
  /// New payload takes another path, or the reason for the present one has changed.
  case path(PathReport)
  /// A machine took an event.
  case transition(TransitionRecord)
  /// The output has taken the whole payload: close it and report `outputClosed` or `outputFailed`.
  case payloadEnded(length: UInt64)
  /// Of a door: somebody sent what may be an envelope, or a packet for a guest with upstream's program.
  case knock([UInt8], from: Bytes32)
  /// Of a session behind a door: a packet for the claimant that only the door can send.
  case envelope([UInt8], to: Bytes32)
  /// The session is over. What `poll` still yields says goodbye to the peer: send it, then stop.
  case finished(SessionOutcome)
}

/// Counters of a session; always kept.
public struct SessionStatistics: Hashable, Sendable {
  /// Payload bytes that the peer has, or that our output took.
  public var payloadBytes: UInt64 = 0
  public var framesSent: UInt64 = 0
  public var framesReceived: UInt64 = 0
  /// Frames that were not authentic, malformed or not expected.
  public var framesRefused: UInt64 = 0
  /// Frames sent again.
  public var framesRetransmitted: UInt64 = 0
  /// Payload frames that arrived twice.
  public var framesDuplicated: UInt64 = 0
  /// How often the relay was connected again.
  public var relayReconnections: UInt64 = 0
  /// How often new payload took another path.
  public var pathChanges: UInt64 = 0
  /// Payload bytes that went or came directly.
  public var directBytes: UInt64 = 0
  /// Payload bytes that went or came through the relay.
  public var relayBytes: UInt64 = 0
  /// The smoothed round trip; nil before one was measured.
  public var roundTrip: Interval?
}
