import Basics
import Testing
import Wire

@testable import Engine

@Suite("Dialogues, and outputs that take bytes in any order")
struct DialogueTests {
  @Test("Answers arrive whole and in order while payload flows, over both lanes", arguments: [0, 50])
  func answers(loss: Int) throws {
    let answers = (0..<30_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let pair = try PlanePair(length: 400_000, answers: answers)
    pair.loss = [loss, loss]
    try pair.run(until: .zero + .milliseconds(60))
    pair.promote()
    let isOver = try pair.run(
      until: pair.now + .seconds(60),
      while: { !pair.isDone || pair.answersHeard.bytes.count < answers.count })
    #expect(isOver)
    let isRight = pair.answersHeard.bytes == answers
    #expect(isRight)
    let isExact = pair.isExact
    #expect(isExact)
    #expect(!pair.has { if case .violation = $0 { true } else { false } })
  }

  @Test("From its offset on, an output gets every byte once, whatever the order", arguments: [0, 1, 5_000])
  func placement(start: Int) throws {
    let pair = try PlanePair(length: 500_000, placesFrom: start)
    pair.loss = [30, 30]
    // An output that never takes anything in order has to be asked once.
    try pair.run(until: .zero + .milliseconds(70))
    pair.promote()
    #expect(try pair.finish())
    let isExact = pair.isExact
    #expect(isExact)
    #expect(pair.placements > 0)
    #expect(pair.acceptor.receiver!.turnedAway == 0)
  }

  @Test("The room of such an output bounds what the peer sends, and nothing is turned away")
  func roomBounds() throws {
    let pair = try PlanePair(length: 8_000_000, placesFrom: 100)
    pair.placementRoom = 5_000_000
    pair.promote()
    #expect(!(try pair.finish(within: .seconds(5))))
    #expect(pair.acceptor.receiver!.turnedAway == 0)
    #expect(pair.acceptor.receiver!.delivered == 5_000_100)
    pair.placementRoom = 5_000_000
    pair.acceptor.drain(into: pair, at: pair.now)
    #expect(try pair.finish())
    let isExact = pair.isExact
    #expect(isExact)
    #expect(pair.acceptor.receiver!.turnedAway == 0)
  }
}
