import Basics
import Crypto
import Machines
import Wire

/// A transition of a machine, as `--verbose` prints it and the simulator counts it.
public struct TransitionRecord: Hashable, Sendable, CustomStringConvertible {
  /// The machine's name.
  public let machine: String
  /// The rule's ID, such as `CLM-6`.
  public let rule: String
  /// The table row taken; nil for a declared default.
  public let row: Int?
  /// Whether the table says that this must not happen.
  public let isProtocolError: Bool
  /// The transition in one line.
  public let description: String

  init<State, Event, Action>(_ step: MachineStep<State, Event, Action>) {
    machine = step.machine
    rule = step.rule
    row = step.row
    isProtocolError = step.kind == .protocolError
    description = step.description
  }
}

/// What the rendezvous wants the session to do.
enum RendezvousEffect {
  /// Send a packet through the relay.
  case send([UInt8], to: Bytes32)
  /// Bring the native plane up with these keys; the peer is reached by this key, and perhaps wants the relay only.
  /// `identity` is the Ed25519 key of its QUIC connection, zero when it opens none.
  case open(SessionKeySchedule, peer: Bytes32, isRelayOnly: Bool, identity: Bytes32)
  /// Bring up what a peer with upstream's program speaks: it is reached by this key, has this identity, and told these
  /// addresses.
  case openUpstream(peer: Bytes32, identity: Bytes32, candidates: [String])
  /// The peer has proved that it has the keys.
  case established
  /// The acceptor, asked again, does not know the session.
  case peerRestarted
  /// Take the plane down again: its claimant was let go.
  case release
  /// The session is over.
  case fail(SessionFailure)
  /// A machine took an event.
  case transition(TransitionRecord)
}

/// Seals envelopes with the token's key and checks those that arrive (protocol: MAC over the canonical form).
struct EnvelopeSeal {
  private let key: ControlEnvelopeKey

  init(token: SessionToken) { self.init(bearerSecret: token.bearerSecret, sessionID: token.sessionID) }

  init(bearerSecret: Bytes32, sessionID: Bytes16) {
    key = ControlEnvelopeKey(bearerSecret: bearerSecret, sessionID: sessionID)
  }

  /// The envelope's bytes with its MAC.
  func seal(_ envelope: Envelope) -> [UInt8] {
    envelope.canonicalBytes(mac: key.mac(of: envelope.canonicalBytes()))
  }

  /// The envelope in `packet`; nil when it is none or not authentic. Unauthentic packets get no answer.
  func open(_ packet: UnsafeRawBufferPointer) -> Envelope? {
    (try? SealedEnvelope.parse(packet)).flatMap { open($0) }
  }

  /// The same for one that was read already.
  func open(_ sealed: SealedEnvelope) -> Envelope? {
    guard let mac = sealed.mac, key.verify(mac, of: sealed.envelope.canonicalBytes()) else { return nil }
    return sealed.envelope
  }
}

extension Envelope {
  /// The refusal of a claim, in the language of the claim.
  ///
  /// - Parameter digest: of a native claim; nil for one of upstream's.
  static func refusal(ofClaim digest: Bytes32?, _ reject: Reject) -> Envelope {
    guard let digest else {
      var decision = Decision()
      decision.reject = reject
      return .decision(decision)
    }
    var decision = NativeDecision()
    decision.claimDigest = digest
    decision.reject = reject
    return .nativeDecision(decision)
  }
}

/// The keys of the native plane, derived alike on both sides.
enum NativeHandshake {
  /// SHA-256 of both messages, each with its length, so that no two conversations share a transcript.
  static func transcript(claim: [UInt8], decision: [UInt8]) -> Bytes32 {
    func length(_ bytes: [UInt8]) -> [UInt8] {
      withUnsafeBytes(of: UInt64(bytes.count).bigEndian) { Array($0) }
    }
    return SHA256.digest([
      Array("derphole-native-v1 transcript".utf8), length(claim), claim, length(decision), decision,
    ])
  }
}
