import Basics
import Machines
import Testing
import Wire

@testable import Engine

@Suite struct ProberTests {
  @Test("PRB-1, PRB-4: a candidate is probed at once, and an answer proves it")
  func provesAPair() {
    var pair = ProberPair()
    let isTaken = pair.add()
    #expect(isTaken)
    pair.exchange()
    #expect(pair.state == .proven)
    #expect(pair.ours.best { _ in true }?.path == pair.path)
  }

  @Test("PRB-1: no IPv6 address over an IPv4 socket, and no more than the caps")
  func refusesWhatIsNotAllowed() {
    var pair = ProberPair()
    let isOtherFamilyTaken = pair.add(PathFixture.path("[2001:db8::1]:1000"))
    #expect(!isOtherFamilyTaken)
    for port in 1...Prober.maximumLearnt {
      let isTaken = pair.add(PathFixture.path("192.0.2.9:\(2_000 + port)"), .learnt)
      #expect(isTaken)
    }
    let isNinthTaken = pair.add(PathFixture.path("192.0.2.9:2999"), .learnt)
    #expect(!isNinthTaken)
    for port in 0..<Prober.maximumTold {
      let isTaken = pair.add(PathFixture.path("192.0.2.8:\(3_000 + port)"))
      #expect(isTaken)
    }
    let isOneMoreTaken = pair.add(PathFixture.path("192.0.2.8:5000"))
    #expect(!isOneMoreTaken)
  }

  @Test("PRB-4: neither a replayed answer nor one from elsewhere proves anything")
  func staleAnswersProveNothing() {
    var pair = ProberPair()
    _ = pair.add()
    let probe = pair.poll()[0]
    let answer = pair.answers(to: probe)[0]
    pair.receive(answer, over: PathFixture.path("192.0.2.66:4242"))
    #expect(pair.state == .sounding)
    pair.receive(answer)
    #expect(pair.state == .proven)
    pair.tell(.networkChanged)
    #expect(pair.state == .sounding)
    pair.receive(answer)
    #expect(pair.state == .sounding)
  }

  @Test("PRB-4: our own probe, sent back to us, is neither answered nor learnt from")
  func reflectedProbesAreNobodys() {
    var pair = ProberPair()
    _ = pair.add()
    let probe = pair.poll()[0]
    guard case .refused = pair.receive(probe.bytes) else {
      Issue.record("a reflected probe was taken")
      return
    }
    let late = pair.poll()
    #expect(late.isEmpty)
    #expect(pair.state == .sounding)
  }

  @Test("PRB-5, PRB-6: a pair that does not answer rests, each time longer, and is tried again")
  func restsAndReturns() {
    var pair = ProberPair()
    _ = pair.add()
    pair.exchangeNothing()
    pair.pass(.seconds(4))
    #expect(pair.state == .suppressed)
    let first = pair.sent.count
    #expect((3...8).contains(first))
    pair.pass(.seconds(11))
    #expect(pair.sent.count > first)
    pair.pass(.seconds(4))
    #expect(pair.state == .suppressed)
    pair.pass(.seconds(11))
    #expect(pair.state == .suppressed, "the second rest is twice as long")
    pair.pass(.seconds(10), isCut: false)
    #expect(pair.state == .proven)
  }

  @Test("PRB-7, PRB-11: a proof is renewed while relayed and left alone while direct")
  func renewsProofs() {
    var pair = ProberPair()
    _ = pair.add()
    pair.exchange()
    pair.pass(.seconds(26), isCut: false)
    #expect(pair.sent.count == 2)
    pair.ours.isDirect = true
    pair.pass(.seconds(120), isCut: false)
    #expect(pair.sent.count == 2)
    #expect(pair.state == .proven)
  }

  @Test("PRB-11: while direct nothing at rest is sounded, whoever asks")
  func staysQuietWhileDirect() {
    var pair = ProberPair()
    _ = pair.add()
    pair.pass(.seconds(5))
    pair.ours.isDirect = true
    let before = pair.sent.count
    pair.tell(.peerAsked)
    pair.pass(.seconds(900))
    #expect(pair.sent.count == before)
    #expect(pair.state == .suppressed)
  }

  @Test("PRB-8: a change of the network voids proofs and ends rests")
  func networkChange() {
    var pair = ProberPair()
    _ = pair.add()
    pair.exchange()
    pair.tell(.networkChanged)
    #expect(pair.state == .sounding)
    pair.pass(.seconds(5))
    #expect(pair.state == .suppressed)
    pair.tell(.networkChanged)
    #expect(pair.state == .sounding)
  }

  @Test("PRB-9, PRB-10: a withdrawn pair is gone, and no timer of it fires")
  func withdrawal() {
    var pair = ProberPair()
    _ = pair.add()
    pair.ours.withdraw(pair.path, at: pair.now, random: &pair.random)
    #expect(pair.state == nil)
    let late = pair.poll()
    #expect(late.isEmpty)
    #expect(pair.ours.deadline == nil)
    var machine = ProbingMachine()
    let step = machine.handle(.probeDue) { _ in false }
    #expect(step.kind == .protocolError && step.rule == "PRB-10")
  }

  @Test("PRB-12: when the direct path is lost everything is tried at once")
  func searchResumes() {
    var pair = ProberPair()
    _ = pair.add()
    pair.exchange()
    pair.ours.isDirect = true
    pair.pass(.seconds(300))
    pair.ours.isDirect = false
    pair.tell(.searchResumed)
    #expect(pair.state == .sounding)
    pair.exchange()
    #expect(pair.state == .proven)
  }

  @Test("PRB-13: a new probe of the peer ends a rest, a replayed one does not")
  func peerAsks() {
    var pair = ProberPair()
    _ = pair.add()
    pair.pass(.seconds(5))
    _ = pair.theirs.add(pair.back, .told, at: pair.now, random: &pair.random)
    let probe = pair.theirs.poll(at: pair.now, random: &pair.random)!
    pair.receive(probe.bytes)
    #expect(pair.state == .sounding)
    pair.pass(.seconds(5))
    #expect(pair.state == .suppressed)
    pair.receive(probe.bytes)
    #expect(pair.state == .suppressed)
  }

  @Test("PRB-2: whatever the peer names, probes keep to the budgets")
  func budgets() {
    var pair = ProberPair()
    for port in 0..<60 { _ = pair.add(PathFixture.path("203.0.113.5:\(5_000 + port)")) }
    let atOnce = pair.poll().count
    #expect(atOnce <= ProbeBudget.burstToAddress)
    for second in 1...10 {
      pair.tell(.networkChanged)
      pair.pass(.seconds(1))
      #expect(pair.sent.count <= ProbeBudget.burstToAddress + second * ProbeBudget.perSecondToAddress)
    }
    #expect(pair.sent.count > 10 * ProbeBudget.perSecondToAddress)
  }

  @Test("PRB-1, PRB-2: guesses at one address end for good, and none goes below port 1024")
  func guesses() {
    var pair = ProberPair()
    var search = PortSearch()
    let target = PathFixture.endpoint("203.0.113.5:777")
    search.plan(.guess, targets: [target], likely: [80, 4_000], isNeeded: true, at: pair.now)
    let early = search.next(at: pair.now)
    #expect(early == nil)
    pair.now = pair.now + PortSearch.patience
    _ = search.handleTimeout(at: pair.now, random: &pair.random)
    var ports: [UInt16] = []
    for _ in 0..<60_000 {
      pair.now = pair.now + .milliseconds(1)
      guard let path = search.next(at: pair.now) else { continue }
      guard pair.ours.guess(path, at: pair.now, random: &pair.random) != nil else {
        search.giveBack(path, at: pair.now)
        continue
      }
      ports.append(path.remote.port)
    }
    #expect(ports.first == 4_000)
    #expect(ports.count == ProbeBudget.guessesPerAddress)
    #expect(ports.allSatisfy { $0 >= PortSearch.lowestPort })
    #expect(Set(ports).count >= ports.count - 1)
  }
}

extension ProberPair {
  /// Lets the first probe leave and be lost.
  mutating func exchangeNothing() { _ = poll() }
}
