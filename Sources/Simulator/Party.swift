import Basics
import Engine

/// A program that hosts one session: what the reactor and the commands are in the real world.
final class Party {
  enum Phase {
    case notStarted
    case running
    /// The session is over; its last words are on their way out.
    case leaving
    case gone
  }

  let index: Int
  let name: String
  let configuration: SessionConfiguration
  var phase = Phase.notStarted
  var session: Session?
  var source: VirtualSource?
  let output: VirtualOutput?
  /// What it does with streams; nil in a session of one payload.
  let streams: StreamWork?

  /// The connection to the relay.
  var connection: Int?
  /// Counts attempts to reach the relay.
  var attempt = 0
  /// Bytes from the relay that the session has not used up.
  var inbound: [UInt8] = []
  /// Bytes of the session that the connection has not taken.
  var outbound: ArraySlice<UInt8> = []
  /// When the timer is set for.
  var timerAt: Instant?
  /// How often the timer struck at one instant.
  var strikes = 0
  var lastStrikeAt: Instant?
  var isSourceWaiting = false
  var isOutputWaiting = false

  var outcome: SessionOutcome?
  var finishedAt: Instant?
  /// Killed or vanished: nothing is expected of it any more.
  var isDead = false
  /// Its machine vanished: what arrives is not read.
  var isFrozen = false
  var wasEstablished = false
  var network: PartyNetwork

  init(index: Int, name: String, configuration: SessionConfiguration, options: Options) {
    self.index = index
    self.name = name
    self.configuration = configuration
    let isAcceptor = index == World.acceptor
    network = PartyNetwork(
      isAcceptor ? options.datagrams.acceptor : options.datagrams.claimant,
      firstPort: 40_000 + 1_000 * UInt16(index))
    guard options.streams == 0 else {
      source = nil
      output = nil
      streams = StreamWork(
        isOpener: !isAcceptor, count: options.streams, length: options.payload / options.streams / 2,
        datagrams: options.streamDatagrams)
      return
    }
    streams = nil
    switch configuration.flow {
    case .sends:
      source = VirtualSource(
        length: UInt64(options.payload), step: options.sourceStep > 0 ? options.sourceStep : nil)
      output = nil
    case .receives:
      source = nil
      output = VirtualOutput(step: options.outputStep > 0 ? options.outputStep : nil)
    }
  }

  /// Whether it is supposed to come to an end by itself.
  var isAwaited: Bool { !isDead && phase != .gone }
}
