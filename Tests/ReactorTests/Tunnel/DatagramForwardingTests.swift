import Basics
import Engine
import Glibc
import Testing

@testable import Reactor

@Suite("Forwarded datagrams")
struct DatagramForwardingTests {
  private func limits(_ flows: Int = 1_024, idle: Interval = .seconds(60)) -> FlowLimits {
    var limits = FlowLimits()
    limits.flows = flows
    limits.idleTimeout = idle
    return limits
  }

  @Test("DGR-6: a hundred datagrams of three programs are answered, each to who asked")
  func echo() throws {
    let test = try TestLoop()
    let service = try UDPProgram.echo(test)
    let world = try DatagramWorld(target: service.address, test: test)
    let programs = try (0..<3).map { _ in try UDPProgram(test) }
    var asked = [[[UInt8]]](repeating: [], count: 3)
    for number in 0..<100 {
      let bytes = [UInt8](repeating: UInt8(number), count: number * 11)
      asked[number % 3].append(bytes)
      programs[number % 3].arrived = { _ in world.check() }
      programs[number % 3].send(bytes, to: world.entry.address)
      // One at a time: what comes in a burst may exceed the buffer of a socket.
      #expect(world.run { programs.map(\.received.count).reduce(0, +) == number + 1 })
    }
    for (program, asked) in zip(programs, asked) {
      #expect(program.received.map(\.bytes) == asked)
      #expect(program.received.allSatisfy { $0.source == world.entry.address })
    }
    // The service can tell them apart.
    #expect(Set(service.received.map(\.source)).count == 3)
    #expect(world.entry.counts.total == 3 && world.entry.counts.open == 3)
    #expect(world.exit.counts.total == 3 && world.exit.counts.open == 3)
    for counts in [world.entry.counts, world.exit.counts] {
      #expect(counts.sent == 100 && counts.received == 100)
      #expect(counts.dropped == 0 && counts.tooLarge == 0 && counts.refused == 0)
    }
  }

  @Test("DGR-2: what the path does not carry is counted at the end where it came in, and the rest goes on")
  func tooLarge() throws {
    let test = try TestLoop()
    let service = try UDPProgram(test)
    // An answer that is larger than the question.
    service.arrived = { [unowned service] in
      service.send([UInt8](repeating: 1, count: $0.bytes.count + 10), to: $0.source)
    }
    let world = try DatagramWorld(target: service.address, test: test)
    let program = try UDPProgram(test)
    program.arrived = { _ in world.check() }
    let largest = world.entryCarrier.largest - 1
    program.send([UInt8](repeating: 0, count: largest + 1), to: world.entry.address)
    program.send([UInt8](repeating: 0, count: 60_000), to: world.entry.address)
    program.send([UInt8](repeating: 0, count: largest), to: world.entry.address)
    program.send([UInt8](repeating: 0, count: largest - 10), to: world.entry.address)
    #expect(world.run { !program.received.isEmpty })
    #expect(world.entry.counts.tooLarge == 2)
    #expect(world.exit.counts.tooLarge == 1)
    #expect(service.received.map(\.bytes.count) == [largest, largest - 10])
    #expect(program.received.map(\.bytes.count) == [largest])
  }

  @Test("DGR-7: an idle flow ends at both sides with its socket; what comes later is a new one")
  func idle() throws {
    let test = try TestLoop()
    let service = try UDPProgram.echo(test)
    let limits = limits(idle: .milliseconds(80))
    let world = try DatagramWorld(target: service.address, test: test, limits: limits)
    let program = try UDPProgram(test)
    program.arrived = { _ in world.check() }
    program.send([1], to: world.entry.address)
    #expect(world.run { program.received.count == 1 })
    #expect(world.entry.counts.open == 1 && world.exit.counts.open == 1)
    #expect(world.poll { world.entry.counts.open == 0 && world.exit.counts.open == 0 })
    // Its port is free for others.
    let first = try #require(service.received.first?.source)
    let again = try UDPProgram(test, port: first.port)
    program.send([2], to: world.entry.address)
    #expect(world.run { program.received.count == 2 })
    #expect(world.entry.counts.total == 2 && world.exit.counts.total == 2)
    #expect(service.received.last?.source != again.address)
  }

  @Test("DGR-8: a service that is not there costs its datagrams, and is used once it is")
  func refused() throws {
    let test = try TestLoop()
    let absent = try UDPProgram(test)
    let address = absent.address
    absent.close()
    let world = try DatagramWorld(target: address, test: test)
    let program = try UDPProgram(test)
    program.arrived = { _ in world.check() }
    for number in 0..<5 {
      program.send([UInt8(number)], to: world.entry.address)
      let reports = UInt64(number + 1)
      #expect(world.poll { world.exit.counts.refused == reports })
    }
    // What is told with the next datagram only costs the one that it is about.
    for number in 5..<8 { program.send([UInt8(number)], to: world.entry.address) }
    #expect(world.poll { world.exit.counts.refused == 8 })
    #expect(world.exit.counts.received == 8)
    #expect(world.exit.counts.open == 1)
    let service = try UDPProgram.echo(test, port: address.port)
    program.send([9], to: world.entry.address)
    #expect(world.run { program.received.count == 1 })
    #expect(service.received.map(\.bytes) == [[9]])
    #expect(world.exit.counts.dropped == 0)
  }

  @Test("DGR-8: a program that is gone before its answer comes harms no other")
  func programGone() throws {
    let test = try TestLoop()
    let service = try UDPProgram(test)
    let world = try DatagramWorld(target: service.address, test: test)
    let gone = try UDPProgram(test)
    service.arrived = { _ in world.check() }
    gone.send([1], to: world.entry.address)
    #expect(world.run { service.received.count == 1 })
    gone.close()
    let source = try #require(service.received.first?.source)
    for _ in 0..<3 { service.send([2], to: source) }
    let program = try UDPProgram(test)
    program.arrived = { _ in world.check() }
    service.arrived = { [unowned service] in service.send($0.bytes, to: $0.source) }
    program.send([3], to: world.entry.address)
    #expect(world.run { program.received.count == 1 })
    #expect(world.entry.counts.received == 4)
  }

  @Test("DGR-9: only the service is heard, and only by who asked")
  func strangers() throws {
    let test = try TestLoop()
    let service = try UDPProgram(test)
    let world = try DatagramWorld(target: service.address, test: test)
    let program = try UDPProgram(test)
    let stranger = try UDPProgram(test)
    program.arrived = { _ in world.check() }
    service.arrived = { [unowned service] in
      // The stranger knows where the flow's socket is.
      stranger.send([66], to: $0.source)
      service.send([2], to: $0.source)
    }
    program.send([1], to: world.entry.address)
    #expect(world.run { !program.received.isEmpty })
    #expect(program.received.map(\.bytes) == [[2]])
    #expect(world.exit.counts.sent == 1)
  }

  @Test("DGR-6: one flow too many is refused at either end, and those that are there go on")
  func tooManyFlows() throws {
    let test = try TestLoop()
    let service = try UDPProgram.echo(test)
    let world = try DatagramWorld(target: service.address, test: test, limits: limits(2))
    let programs = try (0..<3).map { _ in try UDPProgram(test) }
    for program in programs { program.arrived = { _ in world.check() } }
    for (number, program) in programs[..<2].enumerated() {
      program.send([UInt8(number)], to: world.entry.address)
      #expect(world.run { program.received.count == 1 })
    }
    programs[2].send([2], to: world.entry.address)
    programs[0].send([3], to: world.entry.address)
    #expect(world.run { programs[0].received.count == 2 })
    #expect(world.entry.counts.dropped == 1)
    #expect(programs[2].received.isEmpty)
    // A peer that holds itself to no bounds.
    world.exitCarrier.incoming.append([17, 1])
    world.turn()
    #expect(world.exit.counts.dropped == 1)
    #expect(world.exit.counts.open == 2)
  }

  @Test("what is no datagram of a flow, or of one that is over, is counted and nothing else")
  func malformed() throws {
    let test = try TestLoop()
    let service = try UDPProgram.echo(test)
    let world = try DatagramWorld(target: service.address, test: test)
    world.entryCarrier.incoming = [[], [0x40], [5, 1, 2]]
    world.exitCarrier.incoming = [[0xc0, 0], []]
    world.turn()
    #expect(world.entry.counts.malformed == 2 && world.entry.counts.dropped == 1)
    #expect(world.exit.counts.malformed == 2 && world.exit.counts.open == 0)
  }

  @Test("while the session carries none, datagrams are dropped and counted")
  func unavailable() throws {
    let test = try TestLoop()
    let service = try UDPProgram.echo(test)
    let world = try DatagramWorld(target: service.address, test: test)
    let program = try UDPProgram(test)
    program.arrived = { _ in world.check() }
    world.entryCarrier.isAvailable = false
    program.send([1], to: world.entry.address)
    #expect(world.run { world.entry.counts.dropped == 1 })
    world.entryCarrier.isAvailable = true
    program.send([2], to: world.entry.address)
    #expect(world.run { program.received.map(\.bytes) == [[2]] })
  }

  @Test("a session that is over leaves no socket behind")
  func ending() throws {
    let test = try TestLoop()
    let service = try UDPProgram.echo(test)
    let world = try DatagramWorld(target: service.address, test: test)
    let program = try UDPProgram(test)
    program.arrived = { _ in world.check() }
    program.send([1], to: world.entry.address)
    #expect(world.run { program.received.count == 1 })
    let flow = try #require(service.received.first?.source)
    world.entry.sessionEnded()
    world.exit.sessionEnded()
    #expect(world.entry.counts.open == 0 && world.exit.counts.open == 0)
    _ = try UDPProgram(test, port: world.entry.address.port)
    _ = try UDPProgram(test, port: flow.port)
    // What is still on its way reaches nobody.
    world.exitCarrier.incoming = [[0, 1]]
    #expect(!world.exit.pump())
  }
}
