import Basics
import Engine

/// What must hold in every run.
extension World {
  /// Bytes of a session's source that are not acknowledged: the ring of its sender.
  private static let unacknowledgedLimit: UInt64 = 8 << 20

  /// By when everybody must have come to an end.
  var limit: Instant {
    var healthy = max(lastFaultAt, .zero + options.faultsEnd, .zero + options.claimantStart)
    if options.hasAcceptor { healthy = max(healthy, .zero + options.tokenLife) }
    return healthy + .seconds(150) + options.transferTime * 20
  }

  /// Where everybody stands, for the message about a run that does not end.
  var standing: String {
    parties.filter(\.isAwaited).map { party in
      let statistics = party.session?.statistics
      return "\(party.name) \(party.phase), \(statistics?.payloadBytes ?? 0) of \(options.payload) bytes"
    }.joined(separator: "; ")
  }

  /// A machine took an event.
  func taken(_ record: TransitionRecord, by party: Party) {
    note(.transition, UInt64(party.index), text: "\(party.name): \(record)")
    digest.add(record.description)
    if record.isProtocolError { violate("protocol error: \(party.name): \(record)") }
    guard let row = record.row else { return }
    coverage.count(machine: record.machine, row: row)
    if party.index != Self.rival, let state = Self.target(of: record) { reached(state) }
  }

  /// The state after a transition, out of `claim: idle --relayUp--> claiming [CLM-2]`.
  static func target(of record: TransitionRecord) -> String? {
    let words = record.description.split(separator: " ")
    guard words.count >= 5, words[2].hasSuffix("-->") else { return nil }
    return String(words[3])
  }

  /// Never two claimants.
  func checkClaimants() {
    if parties[Self.claimant].wasEstablished, parties[Self.rival].wasEstablished {
      violate("two claimants are established")
    }
  }

  func checkBounds(_ party: Party, _ session: Session) {
    if let violation = party.streams?.violation { violate("\(party.name): \(violation)") }
    if let output = party.output {
      if let mismatch = output.mismatch { violate("\(party.name) was given a wrong byte at \(mismatch)") }
      if output.delivered > UInt64(options.payload) {
        violate("\(party.name) was given more than the payload")
      }
    }
    if let source = party.source, party.outcome == nil {
      let known = session.statistics.payloadBytes
      if source.produced > known + Self.unacknowledgedLimit {
        violate("\(party.name) took too much of its source")
      }
    }
    if party.outbound.count > 400_000 { violate("\(party.name) has \(party.outbound.count) bytes to send") }
  }

  /// A success of either side means that the output has everything and is closed.
  func checkOutcome(_ party: Party, _ outcome: SessionOutcome) {
    guard case .success(let bytes) = outcome else { return }
    if options.streams > 0 {
      // The claimant ends the session, once all its streams have ended.
      let claimants = parties.filter { $0.index != Self.acceptor && $0.wasEstablished }
      if claimants.allSatisfy({ $0.streams?.isComplete == false }) {
        violate("\(party.name) succeeded before all streams had ended")
      }
      return
    }
    guard bytes == UInt64(options.payload) else {
      return violate("\(party.name) succeeded with \(bytes) of \(options.payload) bytes")
    }
    let receivers = parties.filter { $0.output != nil && $0.wasEstablished }
    guard receivers.contains(where: { $0.output?.delivered == bytes && $0.output?.isClosed == true }) else {
      return violate("\(party.name) succeeded before the output was complete and closed")
    }
    if party.output != nil, party.output?.isClosed != true {
      violate("\(party.name) succeeded with an open output")
    }
  }

  /// Whether acceptor and one claimant succeeded.
  var isSuccess: Bool {
    isSuccessful(Self.acceptor) && (isSuccessful(Self.claimant) || isSuccessful(Self.rival))
  }

  private func isSuccessful(_ index: Int) -> Bool {
    if case .success = parties[index].outcome { true } else { false }
  }

  /// Everybody has come to an end.
  func checkEnd() {
    for party in parties where party.isAwaited && party.outcome == nil {
      violate("nothing is left to happen, but the \(party.name) has not come to an end")
    }
    checkDirect()
    guard options.promisesSuccess else { return }
    guard isSuccess else {
      return violate("must have succeeded: " + outcomes.joined(separator: "; "))
    }
    let healthy = max(
      lastFaultAt, .zero + options.faultsEnd, .zero + max(options.claimantStart, options.rivalStart))
    for party in parties where party.outcome != nil && isSuccessful(party.index) {
      let finishedAt = party.finishedAt ?? now
      if finishedAt - healthy > .seconds(45) + options.transferTime * 10 {
        violate("\(party.name) took too long: \((finishedAt - healthy).inSeconds) s after all was well")
      }
    }
  }

  /// How each party ended.
  var outcomes: [String] {
    parties.compactMap { party in
      if party.isDead { return "\(party.name): killed" }
      switch party.outcome {
      case nil: return party.session == nil ? nil : "\(party.name): running"
      case .success(let bytes): return "\(party.name): success, \(bytes) bytes"
      case .failure(let failure): return "\(party.name): \(failure)"
      }
    }
  }
}
