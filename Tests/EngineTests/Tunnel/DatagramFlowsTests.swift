import Basics
import Testing

@testable import Engine

@Suite("Flows of datagrams")
struct DatagramFlowsTests {
  private let start = Instant.zero + .seconds(100)

  private func limits(_ flows: Int) -> FlowLimits {
    var limits = FlowLimits()
    limits.flows = flows
    limits.idleTimeout = .seconds(60)
    limits.evictableAfter = .seconds(5)
    return limits
  }

  @Test("DGR-6: every source is a flow, under a number that no other gets")
  func numbers() {
    var flows = DatagramFlows<String>(limits(8))
    #expect(flows.flow(from: "a", at: start) == 0)
    #expect(flows.flow(from: "b", at: start) == 1)
    #expect(flows.flow(from: "a", at: start) == 0)
    #expect(flows.source(of: 1, at: start) == "b")
    #expect(flows.source(of: 2, at: start) == nil)
    #expect(flows.expire(at: start + .seconds(60)) == 2)
    #expect(flows.source(of: 0, at: start + .seconds(60)) == nil)
    #expect(flows.flow(from: "a", at: start + .seconds(61)) == 2)
  }

  @Test("DGR-7: a flow ends when it was used in neither direction for the whole time-out")
  func expiry() {
    var flows = DatagramFlows<String>(limits(8))
    #expect(flows.nextDeadline == nil)
    _ = flows.flow(from: "asks", at: start)
    _ = flows.flow(from: "is answered", at: start)
    _ = flows.flow(from: "rests", at: start)
    #expect(flows.nextDeadline == start + .seconds(60))
    _ = flows.flow(from: "asks", at: start + .seconds(20))
    _ = flows.source(of: 1, at: start + .seconds(30))
    #expect(flows.expire(at: start + .seconds(59)) == 0)
    #expect(flows.expire(at: start + .seconds(60)) == 1)
    #expect(flows.source(of: 2, at: start + .seconds(60)) == nil)
    #expect(flows.nextDeadline == start + .seconds(80))
    #expect(flows.expire(at: start + .seconds(80)) == 1)
    #expect(flows.nextDeadline == start + .seconds(90))
    #expect(flows.expire(at: start + .seconds(90)) == 1)
    #expect(flows.nextDeadline == nil)
    #expect(flows.count == 0)
  }

  @Test("DGR-6: where all flows are in use a new one is refused; one that rests makes way")
  func eviction() {
    var flows = DatagramFlows<Int>(limits(3))
    for source in 0..<3 { _ = flows.flow(from: source, at: start + .seconds(Int64(source))) }
    #expect(flows.flow(from: 3, at: start + .seconds(4)) == nil)
    // The first is in use again, so the second rests longest.
    _ = flows.flow(from: 0, at: start + .seconds(5))
    #expect(flows.flow(from: 3, at: start + .milliseconds(5_999)) == nil)
    #expect(flows.flow(from: 3, at: start + .seconds(6)) == 3)
    #expect(flows.count == 3)
    #expect(flows.source(of: 1, at: start + .seconds(6)) == nil)
    #expect(flows.source(of: 0, at: start + .seconds(6)) == 0)
    #expect(flows.source(of: 2, at: start + .seconds(6)) == 2)
    #expect(flows.source(of: 3, at: start + .seconds(6)) == 3)
  }

  @Test("DGR-6: the serving side has the same bounds, and gives back what is to be closed")
  func targets() throws {
    var targets = DatagramTargets<String>(limits(2))
    for flow in [7, 1 << 60] as [UInt64] {
      guard case .admitted(nil) = targets.admit(at: start) else {
        Issue.record("refused while there is room")
        return
      }
      targets.add(flow, "socket \(flow)", at: start)
    }
    guard case .full = targets.admit(at: start + .seconds(4)) else {
      Issue.record("one more than there may be")
      return
    }
    #expect(targets.handle(of: 7, at: start + .seconds(4)) == "socket 7")
    guard case .admitted("socket \(1 << 60)") = targets.admit(at: start + .seconds(5)) else {
      Issue.record("what rests was not given up")
      return
    }
    #expect(targets.handle(of: 1 << 60, at: start + .seconds(5)) == nil)
    targets.add(9, "socket 9", at: start + .seconds(5))
    #expect(targets.nextDeadline == start + .seconds(64))
    #expect(targets.popExpired(at: start + .seconds(63)) == nil)
    #expect(targets.popExpired(at: start + .seconds(64)) == "socket 7")
    #expect(targets.popExpired(at: start + .seconds(64)) == nil)
    #expect(targets.pop() == "socket 9")
    #expect(targets.pop() == nil)
  }

  /// The table as one would write it without any care for speed.
  private struct Model {
    var entries: [(source: Int, number: UInt64, usedAt: Instant)] = []
    var next: UInt64 = 0

    mutating func flow(from source: Int, at now: Instant, _ limits: FlowLimits) -> UInt64? {
      if let index = entries.firstIndex(where: { $0.source == source }) {
        var entry = entries.remove(at: index)
        entry.usedAt = now
        entries.append(entry)
        return entry.number
      }
      if entries.count == limits.flows {
        guard entries[0].usedAt + limits.evictableAfter <= now else { return nil }
        entries.removeFirst()
      }
      entries.append((source, next, now))
      next += 1
      return next - 1
    }

    mutating func source(of number: UInt64, at now: Instant) -> Int? {
      guard let entry = entries.first(where: { $0.number == number }) else { return nil }
      return flow(from: entry.source, at: now, FlowLimits()).map { _ in entry.source }
    }
  }

  @Test("random use, against a table that is plainly right", arguments: [1, 2, 3] as [UInt64])
  func model(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let limits = limits(16)
    var flows = DatagramFlows<Int>(limits)
    var model = Model()
    var now = start
    for _ in 0..<5_000 {
      now = now + .milliseconds(Int64.random(in: 0..<2_000, using: &random))
      switch Int.random(in: 0..<10, using: &random) {
      case 0:
        let before = model.entries.count
        model.entries.removeAll { $0.usedAt + limits.idleTimeout <= now }
        #expect(flows.expire(at: now) == before - model.entries.count)
      case 1..<4:
        let number = model.next - min(model.next, UInt64.random(in: 0..<24, using: &random))
        #expect(flows.source(of: number, at: now) == model.source(of: number, at: now))
      default:
        let source = Int.random(in: 0..<24, using: &random)
        #expect(flows.flow(from: source, at: now) == model.flow(from: source, at: now, limits))
      }
      #expect(flows.count == model.entries.count)
      #expect(flows.nextDeadline == model.entries.first.map { $0.usedAt + limits.idleTimeout })
    }
  }
}
