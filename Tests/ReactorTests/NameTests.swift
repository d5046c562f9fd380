import Basics
import Glibc
import Testing
import Wire

@testable import Reactor

@Suite struct NameTests {
  @Test func namesAreLookedUpOneAfterTheOtherAndBadOnesHaveNoAddress() throws {
    let test = try TestLoop()
    let resolver = try NameResolver(test.loop)
    var answers: [(String, [IPAddress])] = []
    for name in ["127.0.0.1", "::1", "", "localhost", "name with spaces"] {
      let isTaken = resolver.resolve(name) { addresses in
        answers.append((name, addresses))
        if answers.count == 5 { test.loop.stop() }
      }
      #expect(isTaken)
    }
    #expect(answers.isEmpty)
    #expect(test.run())
    #expect(answers.map(\.0) == ["127.0.0.1", "::1", "", "localhost", "name with spaces"])
    #expect(answers[0].1 == [IPAddress(ipv4: 0x7F00_0001)])
    #expect(answers[1].1 == [IPAddress("::1")])
    #expect(answers[3].1.allSatisfy { $0.isLoopback } && !answers[3].1.isEmpty)
    #expect(answers[2].1.isEmpty || answers[2].1.allSatisfy { $0.isLoopback })
    #expect(answers[4].1.isEmpty)
    // The thread has ended or will take one more name: both must work.
    #expect(resolver.resolve("127.0.0.2") { _ in test.loop.stop() })
    #expect(test.run())
  }

  @Test func theQueueIsBoundedAndADroppedResolverSaysNothing() throws {
    let test = try TestLoop()
    var resolver: NameResolver? = try NameResolver(test.loop)
    var calls = 0
    for _ in 0..<NameResolver.queueLimit {
      #expect(resolver?.resolve("127.0.0.1") { _ in calls += 1 } == true)
    }
    #expect(resolver?.resolve("127.0.0.1") { _ in calls += 1 } == false)
    resolver = nil
    let end = test.loop.makeTimer { test.loop.stop() }
    end.arm(after: .milliseconds(10))
    #expect(test.run())
    #expect(calls == 0)
  }

  private func endpoints(_ texts: [String]) -> [IPEndpoint] { texts.compactMap { IPEndpoint($0) } }

  @Test func literalsAreKnownAtOnceNamesLaterAndTheRelayComesFirst() throws {
    let test = try TestLoop()
    let list = STUNServerList([
      STUNServerName(host: "192.0.2.1"), STUNServerName(host: "localhost", port: 7),
      STUNServerName(host: "2001:db8::1", port: 5), STUNServerName(host: "192.0.2.1"),
      STUNServerName(host: "192.0.2.9", port: 0),
    ])
    #expect(list.servers == endpoints(["192.0.2.1:3478", "[2001:db8::1]:5"]))
    list.resolve(test.loop) { test.loop.stop() }
    #expect(test.run())
    #expect(list.servers.first == IPEndpoint("192.0.2.1:3478"))
    #expect(list.servers.last == IPEndpoint("[2001:db8::1]:5"))
    let resolved = list.servers.dropFirst().dropLast()
    #expect((1...2).contains(resolved.count) && resolved.allSatisfy { $0.address.isLoopback && $0.port == 7 })
    let relay = try #require(IPAddress("::ffff:198.51.100.7"))
    #expect(list.relayConnected(at: relay, port: 3_478))
    #expect(list.servers.first == IPEndpoint("198.51.100.7:3478"))
    #expect(!list.relayConnected(at: relay, port: 3_478))
  }

  @Test func thereAreAtMostSixServersEachOnce() {
    let list = STUNServerList((1...9).map { STUNServerName(host: "192.0.2.\($0)") })
    #expect(list.servers.count == STUNServerList.limit)
    #expect(list.relayConnected(at: IPAddress(ipv4: 0xC000_0205), port: 3_478))
    let order = ["192.0.2.5", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.6"]
    #expect(list.servers == endpoints(order.map { $0 + ":3478" }))
  }
}
