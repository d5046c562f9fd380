import Basics
import Foundation
import Reactor
import Testing
import Wire

extension EnvironmentTests {
  @Suite struct MapTests {
    private static let map =
      #"{"Regions":{"7":{"RegionID":7,"Nodes":[{"Name":"7a","RegionID":7,"HostName":"seven.example"}]}}}"#

    @Test func aFetchedMapIsKeptForWhenTheNextFetchFails() throws {
      try withFolder { folder in
        let test = try TestLoop()
        let cache = folder + "/derphole/derpmap.json"
        let server = try WebStub(test.loop)
        server.answer = ("200 OK", Self.map)
        let fresh = try get(test, publicURL: server.url, cacheFile: cache).get()
        #expect(fresh.map.region(7)?.nodes.first?.hostName == "seven.example")
        #expect(fresh.staleBecause == nil)
        #expect(server.requests.first?.hasPrefix("GET /map HTTP/1.1\r\n") == true)
        // Whatever goes wrong, the copy serves, and why is said.
        for answer in [("500 Broken", "x"), ("200 OK", "no map"), ("200 OK", #"{"Regions":{}}"#)] {
          server.answer = answer
          let stale = try get(test, publicURL: server.url, cacheFile: cache).get()
          #expect(stale.map == fresh.map)
          #expect(stale.staleBecause != nil)
        }
        server.close()
        #expect(try get(test, publicURL: server.url, cacheFile: cache).get().map == fresh.map)
        // The copy stands in for the public map only.
        #expect(throws: DERPMapError.self) { try get(test, place: server.url, cacheFile: cache).get() }
      }
    }

    @Test func aDamagedCopyIsNotUsed() throws {
      try withFolder { folder in
        let test = try TestLoop()
        let server = try WebStub(test.loop)
        server.answer = ("404 Not Found", "")
        try Array("{".utf8).write(to: folder + "/map")
        let result = try get(test, publicURL: server.url, cacheFile: folder + "/map")
        #expect(throws: DERPMapError.fetch(url: server.url, .http("HTTP status 404"))) { try result.get() }
      }
    }

    @Test func aMapComesFromAFile() throws {
      try withFolder { folder in
        let test = try TestLoop()
        try Array(Self.map.utf8).write(to: folder + "/map")
        #expect(try get(test, place: folder + "/map").get().map.entries.map(\.id) == [7])
        #expect(throws: DERPMapError.file(SystemError(folder + "/none", code: ENOENT))) {
          try get(test, place: folder + "/none").get()
        }
      }
    }

    @Test func redirectsAreFollowedAndLengthsLimited() throws {
      let test = try TestLoop()
      let server = try WebStub(test.loop)
      let other = try WebStub(test.loop)
      other.answer = ("200 OK", "12345")
      server.answer = ("302 Found\r\nLocation: \(other.url)", "")
      #expect(try fetch(test, server.url, limit: 5).get() == Array("12345".utf8))
      #expect(throws: DialError.http("the answer is longer than 4 bytes")) {
        try fetch(test, server.url, limit: 4).get()
      }
      #expect(throws: DialError.badURL("file:///etc/passwd")) {
        try fetch(test, "file:///etc/passwd", limit: 10_000).get()
      }
    }

    @Test func theRegionThatAnswersFirstIsChosen() throws {
      let test = try TestLoop()
      var silent = 0
      let deaf = try UDPSocket(test.loop, SocketAddress(parsing: "127.0.0.1:0")) { _, _, _ in silent += 1 }
      let answering = try stunServer(test.loop)
      var map = DERPMap()
      try map.add([(1, deaf.address.port), (2, answering.address.port), (99, answering.address.port)])
      let choice = try #require(try choose(test, map, budget: .seconds(10)))
      #expect(choice.region == 2)
      #expect(choice.latency.map { $0 < .seconds(5) } == true)
      // The loop may end before the deaf server's event is seen; asked it was in the same round.
      #expect(choice.node.hostName == "region2.example")
      #expect(silent <= 3)
    }

    @Test func withoutAnswersTheLowestRegionIsChosenInTime() throws {
      let test = try TestLoop()
      let deaf = try UDPSocket(test.loop, SocketAddress(parsing: "127.0.0.1:0")) { _, _, _ in }
      var map = DERPMap()
      try map.add([(5, deaf.address.port), (3, deaf.address.port)])
      let choice = try #require(try choose(test, map, budget: .milliseconds(300)))
      #expect(choice.region == 3)
      #expect(choice.latency == nil)
    }

    @Test func whereUDPIsBlockedTCPDecides() throws {
      let test = try TestLoop()
      let deaf = try UDPSocket(test.loop, SocketAddress(parsing: "127.0.0.1:0")) { _, _, _ in }
      let listener = try Listener(test.loop, SocketAddress(parsing: "127.0.0.1:0")) { descriptor, _ in
        close(descriptor)
      }
      let refused = try Listener(test.loop, SocketAddress(parsing: "127.0.0.1:0")) { _, _ in }
      let nobody = refused.address.port
      refused.close()
      var map = DERPMap()
      try map.add(
        [(1, deaf.address.port), (2, deaf.address.port)], derpPorts: [1: nobody, 2: listener.address.port])
      let choice = try #require(try choose(test, map, budget: .seconds(10)))
      #expect(choice.region == 2)
      #expect(choice.latency != nil)
    }

    @Test func aMapWithoutCandidatesIsSaid() throws {
      let test = try TestLoop()
      var map = DERPMap()
      try map.add([(900, 1)])
      #expect(RegionLatency(test.loop, map) { _ in } == nil)
    }

    private func choose(_ test: TestLoop, _ map: DERPMap, budget: Interval) throws -> RegionLatency.Choice? {
      var choice: RegionLatency.Choice?
      let latency = RegionLatency(test.loop, map, budget: budget) {
        choice = $0
        test.loop.stop()
      }
      #expect(test.run())
      return withExtendedLifetime(latency) { choice }
    }

    private func stunServer(_ loop: EventLoop) throws -> UDPSocket {
      try UDPSocket(loop, SocketAddress(parsing: "127.0.0.1:0")) { socket, bytes, peer in
        guard let id = try? STUNMessage.parseRequest(UnsafeRawBufferPointer(bytes)) else { return }
        STUNMessage.response(id, from: peer.endpoint).withUnsafeBytes { _ = socket.send($0, to: peer) }
      }
    }

    private func get(
      _ test: TestLoop, place: String? = nil, publicURL: String = "", cacheFile: String? = nil
    ) throws -> Result<DERPMapSource.Answer, DERPMapError> {
      var result: Result<DERPMapSource.Answer, DERPMapError>?
      let source = DERPMapSource(test.loop, place: place, publicURL: publicURL, cacheFile: cacheFile) {
        result = $0
        test.loop.stop()
      }
      #expect(test.run())
      return try withExtendedLifetime(source) { try #require(result) }
    }

    private func fetch(_ test: TestLoop, _ url: String, limit: Int) throws -> Result<[UInt8], DialError> {
      var result: Result<[UInt8], DialError>?
      let fetcher = HTTPFetcher(test.loop, url: url, limit: limit, timeout: .seconds(10)) {
        result = $0
        test.loop.stop()
      }
      #expect(test.run())
      return try withExtendedLifetime(fetcher) { try #require(result) }
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
      let folder = NSTemporaryDirectory() + "/reactor-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: folder) }
      try body(folder)
    }
  }
}

extension DERPMap {
  /// Replaces the map by one with a node on loopback for each region and STUN port.
  fileprivate mutating func add(_ regions: [(Int, UInt16)], derpPorts: [Int: UInt16] = [:]) throws {
    let texts = regions.map { id, port in
      """
      "\(id)":{"RegionID":\(id),"Nodes":[{"Name":"a","RegionID":\(id),"HostName":"region\(id).example",\
      "IPv4":"127.0.0.1","IPv6":"none","STUNPort":\(port),"DERPPort":\(derpPorts[id] ?? 1)}]}
      """
    }
    let json = Array(#"{"Regions":{\#(texts.joined(separator: ","))}}"#.utf8)
    self = try json.withUnsafeBytes { try DERPMap.parse($0) }
  }
}

/// A web server on loopback that gives every request the same answer.
private final class WebStub {
  private var listener: Listener?
  private var clients: [StreamWatcher] = []
  var answer = ("200 OK", "")
  private(set) var requests: [String] = []
  let url: String

  init(_ loop: EventLoop) throws {
    var serve: ((Int32) -> Void)?
    let listener = try Listener(loop, SocketAddress(parsing: "127.0.0.1:0")) { descriptor, _ in
      serve?(descriptor)
    }
    url = "http://\(listener.address)/map"
    self.listener = listener
    serve = { [unowned self] descriptor in
      let stream = PlainStream(descriptor: descriptor)
      var head: [UInt8] = []
      var watcher: StreamWatcher?
      watcher = StreamWatcher(loop, stream) { [unowned self] in
        guard let (_, bytes) = try? take(4_096, from: stream) else { return }
        head += bytes
        guard head.suffix(4) == Array("\r\n\r\n".utf8) else { return }
        requests.append(String(decoding: head, as: UTF8.self))
        let (status, body) = answer
        let text =
          "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
        _ = try? put(Array(text.utf8), to: stream)
        watcher?.cancel()
        stream.close()
      } writable: {
      }
      watcher?.wantsRead = true
      if let watcher { clients.append(watcher) }
    }
  }

  func close() { listener?.close() }
}
