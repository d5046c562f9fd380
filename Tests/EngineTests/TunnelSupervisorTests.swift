import Basics
import Testing

@testable import Engine

/// The tunnel machine with its timers and pauses.
@Suite struct TunnelSupervisorTests {
  private var supervisor: TunnelSupervisor

  init() { supervisor = TunnelSupervisor(TunnelSupervisor.Options(), random: SeededGenerator(seed: 3)) }

  /// What it wants, but for records of transitions.
  private mutating func take(_ event: TunnelSupervisor.Event, at now: Instant = .zero)
    -> [TunnelSupervisor.Effect]
  {
    supervisor.handle(event, at: now).filter { if case .transition = $0 { false } else { true } }
  }

  /// Lets time pass until the supervisor wants something.
  private mutating func wait() -> (at: Instant, effects: [TunnelSupervisor.Effect]) {
    while let due = supervisor.deadline {
      let effects = supervisor.handleTimeout(at: due).filter {
        if case .transition = $0 { false } else { true }
      }
      if !effects.isEmpty { return (due, effects) }
    }
    return (.zero, [])
  }

  private mutating func rest(_ effects: [TunnelSupervisor.Effect]) -> Interval {
    for case .resting(let length) in effects { return length }
    return .zero
  }

  @Test("TUN-1, TUN-3: one session after the other, with pauses that double up to a bound")
  mutating func pauses() {
    #expect(take(.start) == [.startSession])
    var pauses: [Interval] = []
    var now = Instant.zero
    for _ in 0..<8 {
      let effects = take(.ended(.noAnswer), at: now)
      #expect(effects.contains(.lost(reason: SessionFailure.noAnswer.description)))
      pauses.append(rest(effects))
      let next = wait()
      #expect(next.effects == [.startSession])
      now = next.at
    }
    for (index, pause) in pauses.enumerated() {
      let base = min(Interval.milliseconds(500 << Int64(index)), .seconds(10))
      #expect(pause >= base && pause <= base + base / 2)
    }
    // TUN-2: once the server has let us in, pauses start afresh.
    #expect(take(.established, at: now) == [.open])
    #expect(rest(take(.ended(nil), at: now)) <= .milliseconds(750))
  }

  @Test("TUN-4: silence is borne, and what comes back goes on") mutating func silence() {
    _ = take(.start)
    _ = take(.established)
    #expect(take(.silence, at: seconds(1)) == [.silent])
    #expect(take(.heard, at: seconds(4)) == [.back(after: .seconds(3))])
    #expect(supervisor.deadline == nil && supervisor.state == .open)
  }

  @Test("TUN-5: a silent server is asked each second, and one that was started anew is followed at once")
  mutating func restart() {
    _ = take(.start)
    _ = take(.established)
    _ = take(.silence)
    var asked = 0
    while let due = supervisor.deadline, due <= seconds(10) {
      if supervisor.handleTimeout(at: due).contains(.askAgain) { asked += 1 }
    }
    #expect(asked == 11)
    let effects = take(.restarted, at: seconds(10))
    #expect(effects == [.endSession, .lost(reason: "the server was started anew"), .startSession])
    #expect(supervisor.deadline == nil)
  }

  @Test("TUN-6: after the resume window the session is given up and the next one is tried")
  mutating func window() {
    var options = TunnelSupervisor.Options()
    options.resumeWindow = .milliseconds(2_500)
    supervisor = TunnelSupervisor(options, random: SeededGenerator(seed: 3))
    _ = take(.start)
    _ = take(.established)
    _ = take(.silence)
    for _ in 0..<3 { #expect(wait().effects == [.askAgain]) }
    let end = wait()
    #expect(end.at == seconds(2.5))
    #expect(end.effects.first == .endSession && end.effects.last == .startSession)
  }

  @Test("TUN-7: what no attempt can change ends the client, everything else does not")
  mutating func refusals() {
    for code in ["expired", "revoked", "bad_mac", "version_mismatch"] {
      #expect(SessionFailure.refused(code: code, reason: "").isFinal)
    }
    for failure: SessionFailure in [
      .refused(code: "claimed", reason: ""), .refused(code: "full", reason: ""), .noAnswer, .peerSilent,
      .relayLost(""), .relayUnreachable(""), .peerAborted(reason: ""), .protocolViolation(""),
    ] { #expect(!failure.isFinal) }
    let revoked = SessionFailure.peerDeclined(reason: "client token revoked")
    _ = take(.start)
    _ = take(.established)
    #expect(take(.ended(revoked)) == [.over(.refused(revoked))])
    // TUN-10
    #expect(take(.start).isEmpty && supervisor.state == .closed)
  }

  @Test("TUN-8: another network is a reason to try at once") mutating func network() {
    _ = take(.start)
    _ = take(.ended(.noAnswer))
    _ = wait()
    _ = take(.ended(.noAnswer), at: seconds(2))
    #expect(take(.networkChanged, at: seconds(2)) == [.startSession])
    #expect(supervisor.deadline == nil)
  }

  @Test("TUN-9: a client that is stopped is over") mutating func stop() {
    _ = take(.start)
    _ = take(.established)
    #expect(take(.stop) == [.endSession, .over(.stopped)])
    #expect(supervisor.deadline == nil)
  }

  @Test("a client that was told to gives up after so many attempts") mutating func attempts() {
    var options = TunnelSupervisor.Options()
    options.attempts = 2
    supervisor = TunnelSupervisor(options, random: SeededGenerator(seed: 3))
    _ = take(.start)
    #expect(rest(take(.ended(.noAnswer))) > .zero)
    _ = wait()
    #expect(take(.ended(.noAnswer)) == [.over(.givenUp(.noAnswer))])
  }

  @Test("TUN-11: a session's word without a session is a fault of the host") mutating func faults() {
    let effects = supervisor.handle(.established, at: .zero)
    guard case .transition(let record)? = effects.first else {
      Issue.record("no record")
      return
    }
    #expect(record.isProtocolError && effects.count == 1)
  }
}
