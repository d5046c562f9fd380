import Basics

/// Everything that a run is made of besides its seed. All of it is drawn from the seed and can be overridden.
public struct Options: Sendable {
  /// The seed that the options were drawn from; it also feeds the sessions' and the network's generators.
  public internal(set) var seed: UInt64
  /// What the run is about.
  public internal(set) var scenario: Scenario

  /// Bytes of the payload.
  var payload = 10_000
  /// How many streams carry the payload there and back; 0 for one payload in one direction.
  var streams = 0
  /// How many datagrams the claimant sends beside its streams.
  var streamDatagrams = 0
  /// Whether the claimant sends the payload, as `pipe` does; else the acceptor does.
  var claimantSends = true

  var hasAcceptor = true
  var hasClaimant = true
  /// A second claimant with the same token.
  var hasRival = false
  /// When the claimant is started; the acceptor is at the beginning.
  var claimantStart = Interval.milliseconds(5)
  var rivalStart = Interval.milliseconds(5)
  /// When the token expires.
  var tokenLife = Interval.seconds(120)

  /// Frames of the native plane that share a key.
  var framesPerEpoch = 1 << 23
  /// Payload bytes of the largest frame.
  var largestFrame = 65_500
  /// How long the sessions try to reach a lost relay again.
  var patience = Interval.seconds(60)

  /// One-way latency between a claimant and the relay, and between the acceptor and the relay.
  var claimantLatency = Interval.milliseconds(1)
  var acceptorLatency = Interval.milliseconds(1)
  /// Bytes a second of these connections, each way.
  var claimantRate = 10_000_000
  var acceptorRate = 10_000_000
  /// Bytes that a connection holds each way: socket buffers and what is on the wire.
  var connectionBuffer = 262_144
  /// The largest piece in which bytes arrive.
  var largestPiece = 16_384

  /// Bytes that the source gives at a time; 0 for as many as are wanted. And how long it then gives none.
  var sourceStep = 0
  var sourcePause = Interval.zero
  /// The same for what the output takes.
  var outputStep = 0
  var outputPause = Interval.zero
  /// How long closing the output takes.
  var closeDelay = Interval.zero

  /// Bytes a second that the relay lets a client send; 0 for no limit.
  var relayRate = 0
  /// Whether the relay's certificate tells its key.
  var isFastStart = false
  /// Whether the relay does not let the claimants in.
  var isClaimantBarred = false

  /// Packets of a thousand, on their way from the relay to a session, that are lost, doubled, delayed, delayed a
  /// little, damaged, or after which an older one comes again.
  var loss = 0
  var double = 0
  var delay = 0
  var reorder = 0
  var corrupt = 0
  var replay = 0
  /// The longest delay of a packet.
  var longestDelay = Interval.milliseconds(500)
  /// When packets begin to pass unharmed.
  var faultsEnd = Interval.seconds(5)
  /// What happens besides.
  var faults: [Fault] = []
  /// The network beside the relay.
  var datagrams = DatagramOptions()

  init(seed: UInt64, scenario: Scenario) {
    self.seed = seed
    self.scenario = scenario
  }

  /// The bytes a second that a lone transfer could reach, roughly.
  var throughput: Double {
    let longest = max((claimantLatency + acceptorLatency).inSeconds * 2, 1e-6)
    var rate = Double(min(claimantRate, acceptorRate))
    for latency in [claimantLatency, acceptorLatency] {
      rate = min(rate, Double(connectionBuffer) / max(latency.inSeconds, 1e-6))
    }
    for (step, pause) in [(sourceStep, sourcePause), (outputStep, outputPause)] where step > 0 {
      rate = min(rate, Double(step) / max(pause.inSeconds, 1e-6))
    }
    if relayRate > 0 { rate = min(rate, Double(relayRate) / 1.5) }
    // The least window is 24 frames of 2,048 bytes a round trip.
    rate = min(rate, max(24 * 2_048 / longest, 1))
    return datagrams.isAvailable ? min(rate, directThroughput) : rate
  }

  /// The same for a direct path, wherever there is one.
  private var directThroughput: Double {
    let (left, right) = (datagrams.claimant, datagrams.acceptor)
    let roundTrip = max((left.delay + right.delay).inSeconds * 2, 1e-3)
    let inFlight = Double(max(min(left.queue, right.queue), 4 * 1_200))
    return min(Double(min(left.rate, right.rate)) / 2, max(inFlight / roundTrip, 1))
  }

  /// The length of a transfer without faults, roughly.
  var transferTime: Interval { Interval(nanoseconds: Int64(Double(payload) / throughput * 1e9)) }

  /// Whether, whatever the faults, acceptor and one claimant must succeed.
  var promisesSuccess: Bool {
    guard hasAcceptor, hasClaimant, !isClaimantBarred, patience >= .seconds(60) else { return false }
    guard tokenLife >= claimantStart + .seconds(60), loss <= 300 else { return false }
    var strays = 0
    var outage = Interval.zero
    var down = 0
    for fault in faults {
      switch fault.kind {
      case .relayDown, .relayFreezes, .dropClaimant, .dropAcceptor:
        // A relay that fails before it was ever reached may end a session.
        guard ["established", "direct"].contains(fault.state) else { return false }
        if fault.kind == .relayDown || fault.kind == .relayFreezes { down += 1 }
      case .relayUp, .relayThaws:
        outage = max(outage, fault.delay)
        down -= 1
      case .strayClaim: strays += 1
      case .foreignClaim, .badClaim, .garbage: break
      case _ where fault.kind.isOfDatagrams: break
      default: return false
      }
    }
    return strays <= 1 && down <= 0 && outage <= .seconds(40)
  }
}
