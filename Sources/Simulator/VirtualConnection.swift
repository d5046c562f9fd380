import Basics
import Relaying

/// A connection between a party and the relay.
final class VirtualConnection {
  let party: Int
  /// The relay's name for it; nil before the relay has accepted it.
  var id: ConnectionID?
  /// From the party to the relay.
  var up: BytePipe
  /// From the relay to the party.
  var down: BytePipe
  var frames: FrameAssembler
  var isOpenAtParty = true
  var isOpenAtRelay = true
  /// The client's key is proved: packets can be put in between the relay's.
  var isJoined = false
  /// The relay reads; else its rate limit holds it back.
  var isRead = true
  /// The relay could not write everything.
  var isRelayBlocked = false

  init(party: Int, options: Options) {
    self.party = party
    let isAcceptor = party == World.acceptor
    let pipe = BytePipe(
      latency: isAcceptor ? options.acceptorLatency : options.claimantLatency,
      bytesPerSecond: isAcceptor ? options.acceptorRate : options.claimantRate,
      capacity: options.connectionBuffer, largestPiece: options.largestPiece)
    up = pipe
    down = pipe
    frames = FrameAssembler(isFastStart: options.isFastStart)
  }
}
