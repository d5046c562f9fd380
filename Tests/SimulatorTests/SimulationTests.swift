import Basics
import Foundation
import Testing

@testable import Simulator

@Suite("Batches of seeds")
struct BatchTests {
  @Test("Five hundred seeds are clean and take nine of ten rows of the machines' tables")
  func batch() async {
    // In parts, so that all cores have something to do.
    let coverage = await withTaskGroup(of: RowCoverage.self) { group in
      for part in UInt64(0)..<10 {
        group.addTask {
          var summary = BatchSummary()
          for seed in part * 50 + 1...part * 50 + 50 {
            let result = Simulation.run(Options.draw(seed: seed))
            #expect(result.violation == nil, "\(result.replayCommand)")
            summary.add(result)
          }
          return summary.coverage
        }
      }
      return await group.reduce(into: RowCoverage()) { $0.add($1) }
    }
    #expect(coverage.isEnough(seeds: 500), "never taken: \(coverage.missing)")
  }

  @Test(
    "Every scenario can be asked for, and its options are drawn alike every time",
    arguments: Scenario.allCases)
  func scenarios(scenario: Scenario) {
    let options = Options.draw(seed: 7, scenario: scenario)
    #expect(options.scenario == scenario)
    #expect(options.assignments == Options.draw(seed: 7, scenario: scenario).assignments)
    let result = Simulation.run(options)
    #expect(result.violation == nil, "\(result.replayCommand)")
  }

  @Test("A transfer of many frames turns over its key epochs in both directions of loss")
  func epochs() throws {
    for sends in [true, false] {
      var options = Options.draw(seed: 11, scenario: .calm)
      for assignment in [
        "payload=2500000", "claimant-sends=\(sends)", "largest-frame=1000", "frames-per-epoch=512", "loss=20",
        "double=20", "source-step=0", "output-step=0", "claimant-rate=20000000", "acceptor-rate=20000000",
        "claimant-latency=2000us", "acceptor-latency=2000us", "connection-buffer=262144", "relay-rate=0",
        "largest-piece=9000",
      ] { try options.set(assignment) }
      let result = Simulation.run(options)
      #expect(result.violation == nil)
      #expect(result.isSuccess)
      #expect(result.retransmissions > 0)
    }
  }
}

@Suite("Datagrams beside streams")
struct StreamDatagramTests {
  @Test(
    "DGR-1, DGR-2: what arrives is what was sent, over a path that carries all of it and one that does not")
  func arrivals() throws {
    for udp in [false, true] {
      var options = Options.draw(seed: 12, scenario: .calm)
      for assignment in [
        "payload=100000", "streams=8", "stream-datagrams=30", "udp=\(udp)", "claimant-mtu=1500",
        "acceptor-mtu=1500", "claimant-hop-mtu=1500", "acceptor-hop-mtu=1500", "claimant-rate=20000000",
        "acceptor-rate=20000000", "claimant-latency=2000us", "acceptor-latency=2000us",
        "connection-buffer=262144", "relay-rate=0", "claimant-start=0us",
      ] { try options.set(assignment) }
      let world = World(options, log: nil)
      world.run()
      #expect(world.violation == nil)
      #expect(world.isSuccess)
      let arrived = [World.acceptor, World.claimant].map { world.parties[$0].streams?.datagrams.arrived ?? 0 }
      #expect(arrived.allSatisfy { $0 >= 10 }, "\(arrived)")
    }
  }
}

@Suite("The same seed is the same run")
struct DeterminismTests {
  @Test("Twice in one process")
  func sameProcess() {
    for seed in UInt64(300)..<310 {
      let first = Simulation.run(Options.draw(seed: seed))
      let second = Simulation.run(Options.draw(seed: seed))
      #expect(first.digest == second.digest)
      #expect(first.outcomes == second.outcomes)
      #expect(first.digest.entries > 0)
    }
    let digests = (UInt64(300)..<310).map { Simulation.run(Options.draw(seed: $0)).digest.value }
    #expect(Set(digests).count == digests.count)
  }

  /// Hashing is seeded anew in every process, so whatever iterated over a hashed collection would show here.
  @Test("In two processes")
  func twoProcesses() throws {
    let products = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    let binary = products.appendingPathComponent("simulate")
    try #require(
      FileManager.default.isExecutableFile(atPath: binary.path), "swift build makes the simulate binary")
    func digests() throws -> [String] {
      let process = Process()
      process.executableURL = binary
      process.arguments = ["--seeds", "25", "--first-seed", "400", "--digests"]
      let pipe = Pipe()
      process.standardOutput = pipe
      try process.run()
      let output = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      return String(decoding: output, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("seed ") }
        .map(String.init)
    }
    let first = try digests()
    #expect(first.count == 25)
    #expect(try digests() == first)
    // And this is a third process.
    let own = (UInt64(400)..<425).map { "seed \($0) \(Simulation.run(Options.draw(seed: $0)).digest)" }
    #expect(own == first)
  }
}

@Suite("What must not happen is noticed")
struct InvariantTests {
  private func world(_ assignments: [String] = []) throws -> World {
    var options = Options.draw(seed: 3, scenario: .calm)
    for assignment in assignments { try options.set(assignment) }
    return World(options, log: nil)
  }

  @Test("A wrong byte of the payload")
  func wrongByte() throws {
    let world = try world(["payload=50000", "claimant-sends=true"])
    world.parties[World.claimant].source?.damagedByte = 12_345
    world.run()
    #expect(world.violation?.contains("wrong byte") == true)
  }

  @Test("A success before the output is closed, or of another length")
  func hollowSuccess() throws {
    let hollow = try world(["payload=5"])
    hollow.checkOutcome(hollow.parties[World.acceptor], .success(bytes: 5))
    #expect(hollow.violation?.contains("before the output was complete") == true)
    let short = try world(["payload=5"])
    short.checkOutcome(short.parties[World.acceptor], .success(bytes: 4))
    #expect(short.violation?.contains("4 of 5 bytes") == true)
  }

  @Test("Two claimants at once")
  func twoClaimants() throws {
    let world = try world()
    world.parties[World.claimant].wasEstablished = true
    world.checkClaimants()
    #expect(world.violation == nil)
    world.parties[World.rival].wasEstablished = true
    world.checkClaimants()
    #expect(world.violation != nil)
  }

  @Test("A transfer that had to succeed and did not")
  func brokenPromise() throws {
    let world = try world(["payload=100000"])
    #expect(world.options.promisesSuccess)
    // Behind the options' back.
    world.packetFaults.isDeaf[World.acceptor] = true
    world.run()
    #expect(world.violation?.contains("must have succeeded") == true)
  }

  @Test("Runs that do not end, and time that does not pass")
  func progress() {
    var watch = ProgressWatch()
    var complaint: String?
    for _ in 0...ProgressWatch.eventsPerInstant where complaint == nil {
      complaint = watch.check(.zero + .seconds(1), limit: .zero + .seconds(2))
    }
    #expect(complaint == "time does not pass")
    var other = ProgressWatch()
    let early = other.check(.zero + .seconds(2), limit: .zero + .seconds(2))
    let late = other.check(.zero + .seconds(3), limit: .zero + .seconds(2))
    #expect(early == nil && late == "still running")
  }
}
