import Basics
import Crypto
import Engine
import Wire

/// What goes wrong in the world.
extension World {
  /// A machine reached a state: what waited for that is scheduled.
  func reached(_ state: String) {
    guard !statesReached.contains(state) else { return }
    statesReached.append(state)
    for (index, fault) in options.faults.enumerated() where fault.state == state && !isScheduled[index] {
      isScheduled[index] = true
      // Even what strikes at once comes after the present event, and before anything that arrives later.
      queue.add(.fault(index), at: now + fault.delay)
    }
  }

  func strike(_ fault: Fault) {
    note(.fault, text: "fault: \(fault)")
    digest.add(fault.kind.rawValue)
    lastFaultAt = max(lastFaultAt, now)
    let claimant = parties[Self.claimant]
    let acceptor = parties[Self.acceptor]
    switch fault.kind {
    case .relayDown: killRelay()
    case .relayUp: startRelay()
    case .relayFreezes: freezeRelay(true)
    case .relayThaws: freezeRelay(false)
    case .dropClaimant: drop(claimant)
    case .dropAcceptor: drop(acceptor)
    case .crashClaimant: kill(claimant)
    case .crashAcceptor: kill(acceptor)
    case .vanishClaimant: vanish(claimant)
    case .vanishAcceptor: vanish(acceptor)
    case .interruptClaimant: tell(claimant, .interrupted)
    case .interruptAcceptor: tell(acceptor, .interrupted)
    case .sourceFails:
      // A source that has ended cannot fail any more.
      for party in parties where party.source?.hasEnded == false {
        tell(party, .sourceFailed(reason: "bad sector"))
      }
    case .outputFails:
      for party in parties {
        guard let output = party.output, !output.isClosed else { continue }
        tell(party, .outputFailed(reason: "no space left"))
      }
    case .deafenClaimant: packetFaults.isDeaf[Self.claimant] = true
    case .hearClaimant: packetFaults.isDeaf[Self.claimant] = false
    case .deafenAcceptor: packetFaults.isDeaf[Self.acceptor] = true
    case .hearAcceptor: packetFaults.isDeaf[Self.acceptor] = false
    case .foreignClaim: sendForeignClaim()
    case .badClaim: sendClaim(isBad: true)
    case .strayClaim: sendClaim(isBad: false)
    case .garbage: sendGarbage()
    default: strikeDatagrams(fault.kind)
    }
  }

  /// The network breaks the connection; both ends notice.
  private func drop(_ party: Party) {
    guard let index = party.connection, !party.isFrozen else { return }
    let connection = connections[index]
    hangUp(party)
    if let relay, let id = connection.id, !isRelayFrozen {
      relay.disconnect(id, at: now, sink: self)
      rearmRelay()
    }
    tell(party, .relayClosed(reason: "connection reset"))
  }

  /// The program is killed; the system closes its connection.
  private func kill(_ party: Party) {
    guard party.phase != .gone else { return }
    party.isDead = true
    party.phase = .gone
    hangUp(party)
  }

  /// The machine is gone; its connection stays until the relay gives it up.
  private func vanish(_ party: Party) {
    guard party.phase != .gone else { return }
    party.isDead = true
    party.isFrozen = true
  }

  // MARK: Strangers

  private func sendForeignClaim() {
    var claim = TransferClaim()
    claim.protocolName = TransferClaim.protocolName
    claim.quicPublic = X25519PrivateKey(random: &random).publicKey
    inject(
      sealed(.transferClaim(claim)), from: X25519PrivateKey(random: &random).publicKey, to: Self.acceptor)
  }

  private func sendClaim(isBad: Bool) {
    let key = X25519PrivateKey(random: &random).publicKey
    var claim = NativeClaim()
    claim.sessionID = token.sessionID
    claim.derpPublic = key
    claim.ephemeralPublic = X25519PrivateKey(random: &random).publicKey
    claim.capabilities = token.capabilities.rawValue
    claim.nonce = Bytes16(high: random.next(), low: random.next())
    if isBad {
      switch Int.random(in: 0..<5, using: &random) {
      case 0: claim.version = 2
      case 1: claim.sessionID.low ^= 1
      case 2: claim.capabilities ^= 2
      case 3: claim.ephemeralPublic = .zero
      default: claim.derpPublic = token.derpPublic
      }
    }
    inject(sealed(.nativeClaim(claim)), from: key, to: Self.acceptor)
  }

  private func sendGarbage() {
    for party in [Self.acceptor, Self.claimant] {
      var bytes = random.bytes(random.magnitude(1...2_000))
      switch Int.random(in: 0..<3, using: &random) {
      case 0: bytes[0] = SessionFrameHeader.magic
      case 1: bytes[0] = UInt8(ascii: "{")
      default: break
      }
      let key = random.chance(50) ? token.derpPublic : parties[Self.claimant].configuration.derpKey.publicKey
      inject(bytes, from: key, to: party)
    }
  }

  private func sealed(_ envelope: Envelope) -> [UInt8] {
    envelope.canonicalBytes(mac: tokenKey.mac(of: envelope.canonicalBytes()))
  }

  /// Lets the relay hand a party a packet as if it came from `source`.
  private func inject(_ packet: [UInt8], from source: Bytes32, to party: Int) {
    guard let index = parties[party].connection, connections[index].isJoined else { return }
    var frame = [UInt8](repeating: 0, count: DERP.packetHeaderLength)
    frame.withUnsafeMutableBytes {
      DERPFrameHeader.storePacketHeader(.receivePacket, peer: source, packetLength: packet.count, into: $0)
    }
    put(frame + packet, on: index)
  }
}
