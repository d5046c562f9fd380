import Basics
import Machines
import Testing
import Wire

@testable import Engine

/// A promoter and a record of what it wants.
private struct Bench {
  var random = SeededGenerator(seed: 3)
  var promoter: Promoter
  var now = PathFixture.start
  let path = PathFixture.path("192.0.2.7:4242")
  let other = PathFixture.path("198.51.100.7:4242")
  var challenges: [(path: DirectPath, token: UInt64, size: Int)] = []
  /// What the session was told about payload: `path` or `relay`.
  var moves: [String] = []
  var releases = 0
  var reports = 0

  init(isRelayOnly: Bool = false) {
    promoter = Promoter(isRelayOnly: isRelayOnly)
  }

  mutating func take(_ effects: [Promoter.Effect]) {
    for effect in effects {
      switch effect {
      case .challenge(let path, let token, let size): challenges.append((path, token, size))
      case .moveToPath: moves.append("path")
      case .moveToRelay: moves.append("relay")
      case .release: releases += 1
      case .report: reports += 1
      case .transition: break
      }
    }
  }

  mutating func prove(_ path: DirectPath, roundTrip: Interval = .milliseconds(40)) {
    take(promoter.pathProven(path, roundTrip: roundTrip, at: now, random: &random))
  }

  mutating func echo(_ token: UInt64, over path: DirectPath) {
    take(promoter.echo(token, over: path, at: now, random: &random))
  }

  /// Lets time pass; challenges are answered after the round trip unless the path is cut.
  mutating func pass(_ interval: Interval, answering: Bool = false) {
    let end = now + interval
    while let due = promoter.deadline, due <= end {
      now = max(now, due)
      let before = challenges.count
      take(promoter.handleTimeout(at: now, random: &random))
      guard answering else { continue }
      for challenge in challenges[before...] { echo(challenge.token, over: challenge.path) }
    }
    now = end
  }

  mutating func promote() {
    prove(path)
    now = now + .milliseconds(40)
    echo(challenges.last!.token, over: path)
  }

  var state: PromotionMachine.State { promoter.machine.state }
}

@Suite struct PromoterTests {
  @Test("PRM-1, PRM-3: a proven pair carries payload only after its challenge was echoed over it")
  func promotes() {
    var bench = Bench()
    bench.prove(bench.path)
    #expect(bench.state == .confirming && bench.moves.isEmpty)
    let challenge = bench.challenges[0]
    #expect(challenge.size == PathMTU.base)
    bench.echo(challenge.token, over: bench.other)
    #expect(bench.state == .confirming, "the echo came over another path")
    bench.echo(challenge.token, over: bench.path)
    #expect(bench.state == .confirming, "an echo counts once, wherever it came from")
    bench.pass(.milliseconds(200))
    bench.echo(bench.challenges.last!.token, over: bench.path)
    #expect(bench.state == .direct && bench.moves == ["path"] && bench.reports == 1)
  }

  @Test("PRM-2: nothing is confirmed when only the relay is wanted")
  func relayOnly() {
    var bench = Bench(isRelayOnly: true)
    bench.prove(bench.path)
    #expect(bench.state == .relayed && bench.challenges.isEmpty)
  }

  @Test(
    "PRM-2, PRM-4, PRM-10: a pair that fails its confirmation is barred, longer each time, but never for good"
  )
  func bars() {
    var bench = Bench()
    bench.prove(bench.path)
    bench.pass(.seconds(3))
    #expect(bench.state == .relayed && bench.challenges.count > 3)
    bench.prove(bench.path)
    #expect(bench.state == .relayed)
    bench.pass(PathBars.shortest)
    bench.prove(bench.path)
    #expect(bench.state == .confirming)
    bench.pass(.seconds(3) + PathBars.shortest)
    bench.prove(bench.path)
    #expect(bench.state == .relayed, "the second bar is twice as long")
    bench.pass(PathBars.shortest)
    bench.promote()
    #expect(bench.state == .direct)
  }

  @Test("PRM-5: an echo of no outstanding challenge confirms nothing")
  func foreignEchoes() {
    var bench = Bench()
    bench.prove(bench.path)
    bench.echo(bench.challenges[0].token &+ 1, over: bench.path)
    #expect(bench.state == .confirming && bench.promoter.declined == 1)
  }

  @Test("PRM-7: a busy path that says nothing is left within three round trips and a margin")
  func silence() {
    var bench = Bench()
    bench.promote()
    bench.take(bench.promoter.traffic(at: bench.now, random: &bench.random))
    bench.take(bench.promoter.pathHeard(at: bench.now, random: &bench.random))
    let heardAt = bench.now
    while bench.state == .direct, let due = bench.promoter.deadline {
      bench.now = due
      bench.take(bench.promoter.handleTimeout(at: due, random: &bench.random))
    }
    #expect(bench.state == .degraded && bench.moves == ["path", "relay"])
    #expect(bench.now - heardAt <= .milliseconds(250 + 3 * 40 + 400))
    #expect(bench.challenges.count >= 3, "it was asked more than once before it was left")
  }

  @Test("PRM-7: evidence keeps a path, and an idle one is asked only now and then")
  func idle() {
    var bench = Bench()
    bench.promote()
    bench.pass(.seconds(2), answering: true)
    let before = bench.challenges.count
    bench.pass(.seconds(60), answering: true)
    #expect(bench.state == .direct)
    #expect(bench.challenges.count - before <= 12)
  }

  @Test("PRM-8: a degraded path that answers is direct again; the challenge shrinks when the large one fails")
  func returns() {
    var bench = Bench()
    bench.promote()
    bench.promoter.hasPayloadInFlight = true
    bench.take(bench.promoter.pathHeard(at: bench.now, random: &bench.random))
    bench.pass(.seconds(1), answering: true)
    let size = bench.promoter.path?.mtu.size ?? 0
    #expect(size > PathMTU.base)
    let before = bench.challenges.count
    bench.pass(.seconds(2))
    #expect(bench.state == .degraded)
    #expect(bench.challenges[before...].contains { $0.size == size })
    #expect(bench.challenges.last!.size == PathMTU.base)
    bench.echo(bench.challenges.last!.token, over: bench.path)
    #expect(bench.state == .direct && bench.moves.suffix(2) == ["relay", "path"])
  }

  @Test("PRM-8, PRM-9: what stays silent or is gone is given back to probing")
  func givesBack() {
    var bench = Bench()
    bench.promote()
    bench.pass(.seconds(40))
    #expect(bench.state == .relayed && bench.releases == 1)
    bench.promote()
    bench.take(bench.promoter.lost(at: bench.now, random: &bench.random) { _ in true })
    #expect(bench.state == .relayed && bench.releases == 2)
    #expect(bench.moves == ["path", "relay", "path", "relay"])
  }

  @Test("PRM-11: only a clearly better pair displaces a healthy path, and only once it is confirmed")
  func upgrades() {
    var bench = Bench()
    bench.promote()
    bench.prove(bench.other, roundTrip: .milliseconds(36))
    #expect(bench.state == .direct)
    bench.prove(bench.other, roundTrip: .milliseconds(10))
    #expect(bench.state == .upgrading && bench.moves == ["path"])
    bench.echo(bench.challenges.last!.token, over: bench.other)
    #expect(bench.state == .direct && bench.moves == ["path", "path"])
    #expect(bench.promoter.path?.path == bench.other)
  }

  @Test("PRM-6, PRM-7: when the old path dies during an upgrade the relay carries on")
  func upgradeInterrupted() {
    var bench = Bench()
    bench.promote()
    bench.prove(bench.other, roundTrip: .milliseconds(10))
    let old = bench.path
    bench.take(bench.promoter.lost(at: bench.now, random: &bench.random) { $0 == old })
    #expect(bench.state == .confirming && bench.moves == ["path", "relay"])
    bench.echo(bench.challenges.last!.token, over: bench.other)
    #expect(bench.state == .direct && bench.moves == ["path", "relay", "path"])
  }

  @Test("PRM-12, PRM-13: the end stops every timer, and a timer out of place is a fault")
  func ends() {
    var bench = Bench()
    bench.promote()
    bench.take(bench.promoter.sessionEnded(at: bench.now, random: &bench.random))
    #expect(bench.state == .over && bench.promoter.deadline == nil)
    var machine = PromotionMachine()
    let step = machine.handle(.pathSilent) { _ in false }
    #expect(step.kind == .protocolError && step.rule == "PRM-13")
  }
}
