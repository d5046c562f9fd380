import Testing

@testable import Engine

@Suite("Repair")
struct RepairerTests {
  @Test("RPR-1, RPR-2: a gap waits, is sent again, and is closed by what arrives")
  func gap() {
    var repairer = Repairer()
    #expect(repairer.gapFound(1_000, lowest: 0, end: 1_000, isEnd: false) == nil)
    #expect(repairer.machine.state == .missing)
    repairer.repairsSent()
    #expect(repairer.machine.state == .repairing)
    repairer.arrived(upTo: 999, isWaiting: false, isEndAcknowledged: false)
    #expect(repairer.machine.state == .repairing)
    repairer.arrived(upTo: 1_000, isWaiting: false, isEndAcknowledged: false)
    #expect(repairer.machine.state == .complete)
  }

  @Test("RPR-3: what arrives before it was sent again closes the gap, or leaves what is on its way")
  func otherwise() {
    var repairer = Repairer()
    _ = repairer.gapFound(500, lowest: 0, end: 500, isEnd: false)
    repairer.repairsSent()
    _ = repairer.gapFound(500, lowest: nil, end: 2_000, isEnd: false)
    #expect(repairer.machine.state == .missing)
    repairer.arrived(upTo: 400, isWaiting: true, isEndAcknowledged: false)
    #expect(repairer.machine.state == .missing)
    repairer.arrived(upTo: 400, isWaiting: false, isEndAcknowledged: false)
    #expect(repairer.machine.state == .repairing)
    _ = repairer.gapFound(500, lowest: 400, end: 2_000, isEnd: false)
    repairer.arrived(upTo: 2_000, isWaiting: false, isEndAcknowledged: false)
    #expect(repairer.machine.state == .complete)
  }

  @Test("RPR-4, RPR-5: silence brings a probe until the budget is spent, in every state")
  func budget() {
    var repairer = Repairer()
    /// The probe waits, and what its turn adds to the budget is used up.
    func expectWait(waiting: Int = 0, sourceLocation: SourceLocation = #_sourceLocation) {
      #expect(repairer.tailSilent(waiting: waiting) == nil, sourceLocation: sourceLocation)
      repairer.noteSent(Int(Repairer.waitingAllowance))
    }
    #expect(repairer.tailSilent(waiting: 0) == .sendProbe)
    repairer.noteSent(Int(Repairer.allowance) - 1)
    #expect(repairer.tailSilent(waiting: 0) == .sendProbe)
    repairer.noteSent(1)
    expectWait()
    repairer.noteDelivered(50)
    #expect(repairer.tailSilent(waiting: 0) == .sendProbe)
    repairer.noteSent(1)
    expectWait()
    // What is lost by evidence may be sent again; while it waits, its share is not for probes.
    _ = repairer.gapFound(10, lowest: 0, end: 10, isEnd: false)
    expectWait(waiting: 10)
    #expect(repairer.tailSilent(waiting: 0) == .sendProbe)
    repairer.noteSent(10)
    expectWait()
    repairer.repairsSent()
    expectWait()
    repairer.noteDelivered(500)
    #expect(repairer.tailSilent(waiting: 0) == .sendProbe)
    #expect(repairer.machine.state == .repairing)
  }

  @Test("RPR-5: a budget that is spent holds a probe up, but not for good")
  func spentBudget() {
    var repairer = Repairer()
    // Twice what the budget covers, as after a path that lost large frames only.
    repairer.noteSent(2 * Int(Repairer.allowance))
    let turns = Int(Repairer.allowance / Repairer.waitingAllowance)
    for _ in 0..<turns { #expect(repairer.tailSilent(waiting: 0) == nil) }
    #expect(repairer.tailSilent(waiting: 0) == nil)
    #expect(repairer.tailSilent(waiting: 0) == .sendProbe)
  }

  @Test("RPR-6: the same byte lost 64 times in a row ends it; progress begins the count anew")
  func hopeless() {
    var repairer = Repairer()
    for _ in 0..<Repairer.mostTries - 1 {
      #expect(repairer.gapFound(100, lowest: 7, end: 107, isEnd: false) == nil)
      repairer.repairsSent()
    }
    _ = repairer.gapFound(100, lowest: 8, end: 108, isEnd: false)
    for _ in 0..<Repairer.mostTries - 2 {
      repairer.repairsSent()
      #expect(repairer.gapFound(100, lowest: 8, end: 108, isEnd: false) == nil)
      // Others are lost meanwhile, and paths: neither counts.
      #expect(repairer.gapFound(100, lowest: nil, end: 108, isEnd: false) == nil)
    }
    #expect(repairer.gapFound(100, lowest: 8, end: 108, isEnd: false) == .abandon)
    #expect(repairer.machine.state == .abandoned)
    #expect(repairer.tailSilent(waiting: 0) == nil)
  }

  @Test("RPR-7: with the end acknowledged it is finished; a lost end is a gap")
  func end() {
    var repairer = Repairer()
    _ = repairer.gapFound(0, lowest: nil, end: 0, isEnd: true)
    #expect(repairer.machine.state == .missing)
    repairer.repairsSent()
    repairer.arrived(upTo: 0, isWaiting: false, isEndAcknowledged: false)
    #expect(repairer.machine.state == .repairing)
    repairer.endAcknowledged()
    #expect(repairer.isFinished)
    var other = Repairer()
    other.sessionEnded()
    #expect(other.machine.state == .abandoned)
  }

  @Test("RPR-8: transitions are kept only for who asks")
  func records() {
    var repairer = Repairer()
    _ = repairer.gapFound(1, lowest: 0, end: 1, isEnd: false)
    #expect(!repairer.hasRecords)
    repairer.isTraced = true
    repairer.repairsSent()
    #expect(repairer.takeRecord()?.rule == "RPR-2")
    #expect(!repairer.hasRecords)
  }

  @Test("RPR-2, RPR-5: random loss costs what was lost and two of a hundred", arguments: [10, 50])
  func cost(perMille: Int) throws {
    let pair = try PlanePair(length: 3_000_000, seed: 5)
    pair.promote(roundTrip: .milliseconds(10))
    pair.loss = [0, perMille]
    #expect(try pair.finish())
    let isExact = pair.isExact
    #expect(isExact)
    let frames = Double(pair.framesOnLane[1][0])
    let again = Double(pair.claimant.sender!.retransmittedFrames)
    #expect(again < frames * (Double(perMille) / 1_000 + 0.02) * 1.3)
    #expect(again > 0)
    #expect(pair.claimant.sender!.repairer.isFinished)
  }
}
