import Basics
import Machines
import Wire

/// One instance of the probing machine (`specs/probing.md`): a socket of ours and an address of the peer.
struct CandidatePair {
  /// Who named the address.
  enum Origin {
    /// The peer, in a sealed message.
    case told
    /// An authentic packet that came from there.
    case learnt
  }

  /// A probe whose answer is waited for: nothing but its nonce, over this very pair, proves anything (PRB-4).
  struct Outstanding {
    var nonce: Bytes16
    var sentAt: Instant
  }

  /// Probes of one pair whose answers still count; older ones are forgotten.
  static let maximumOutstanding = 8
  /// The probe timer doubles up to this (`armProbe`).
  static let longestProbeInterval = Interval.seconds(1)
  /// The rest of a pair that was never proven doubles up to this (`armRest`).
  static let longestRest = Interval.seconds(300)
  /// A pair that was proven before rests this long at first, and always while payload flows…
  static let shortestRest = Interval.seconds(5)
  /// …and doubles up to this.
  static let longestRestAfterProof = Interval.seconds(60)

  let path: DirectPath
  let origin: Origin
  var machine = ProbingMachine()
  var outstanding: [Outstanding] = []
  /// Whether a probe waits for the budgets, or for payload.
  var isWaiting = false
  var wasProven = false
  /// The smallest round trip of this proof.
  var roundTrip: Interval?

  var probeAt: Instant?
  var soundingAt: Instant?
  var restAt: Instant?
  var refreshAt: Instant?
  private var probeInterval = ProbingMachine.Timers.probe
  private var rest = ProbingMachine.Timers.rest

  init(path: DirectPath, origin: Origin) {
    self.path = path
    self.origin = origin
  }

  var isProven: Bool { machine.state == .proven }
  var isRetired: Bool { machine.state == .retired }

  /// When the pair's next timer fires.
  var deadline: Instant? {
    var next: Instant?
    for case let due? in [probeAt, soundingAt, restAt, refreshAt] { next = next.map { min($0, due) } ?? due }
    return next
  }

  /// The event of a timer that is due, its timer cleared: each fires once.
  mutating func takeDue(at now: Instant) -> ProbingMachine.Event? {
    func isDue(_ at: Instant?) -> Bool { at.map { $0 <= now } ?? false }
    // The end of sounding goes first: what it stops must not send another probe (PRB-5). A timer is cleared before it is
    // reported, so it fires once (PRB-10).
    if isDue(soundingAt) {
      soundingAt = nil
      return .soundingOver
    }
    if isDue(probeAt) {
      probeAt = nil
      return .probeDue
    }
    if isDue(restAt) {
      restAt = nil
      return .restOver
    }
    if isDue(refreshAt) {
      refreshAt = nil
      return .refreshDue
    }
    return nil
  }

  mutating func armProbe(at now: Instant, random: inout some RandomNumberGenerator) {
    let jitter = Interval.milliseconds(Int64.random(in: 0...20, using: &random))
    probeAt = now + probeInterval + jitter
    probeInterval = min(probeInterval * 2, Self.longestProbeInterval)
  }

  mutating func armSounding(at now: Instant) {
    soundingAt = now + ProbingMachine.Timers.sounding
    probeInterval = ProbingMachine.Timers.probe
  }

  mutating func armRest(at now: Instant, isBusy: Bool) {
    if wasProven {
      rest = isBusy ? Self.shortestRest : min(max(rest, Self.shortestRest), Self.longestRestAfterProof)
    }
    restAt = now + rest
    rest = min(rest * 2, wasProven ? Self.longestRestAfterProof : Self.longestRest)
  }

  /// - Parameter isRenewal: whether the pair was proven already, so that the smaller round trip counts.
  mutating func noteProof(roundTrip measured: Interval, isRenewal: Bool) {
    roundTrip = isRenewal ? min(roundTrip ?? measured, measured) : measured
    if !wasProven { rest = Self.shortestRest }
    wasProven = true
  }

  mutating func disarm() {
    (probeAt, soundingAt, restAt, refreshAt) = (nil, nil, nil, nil)
  }
}
