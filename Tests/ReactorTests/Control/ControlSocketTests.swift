import Basics
import Glibc
import Testing
import Wire

@testable import Reactor

@Suite struct ControlSocketTests {
  private let scratch = ControlScratch()
  private let test: TestLoop

  init() throws { test = try TestLoop() }

  private var status: TunnelStatus {
    var status = TunnelStatus()
    status.name = "web"
    status.pid = 7
    return status
  }

  private func server(
    _ name: String = "web", limit: Interval = .seconds(30),
    isTrusted: @escaping (Int32) -> Bool = { _ in true },
    status: (() -> TunnelStatus)? = nil
  ) throws(ReactorError) -> ControlServer {
    let answer = self.status
    return try ControlServer(
      test.loop, try scratch.directory(), name: name, limit: limit, isTrusted: isTrusted,
      status: status ?? { answer })
  }

  private func ask(
    _ path: String, limit: Interval = .seconds(30)
  ) -> Result<TunnelStatus, ControlFailure>? {
    var answer: Result<TunnelStatus, ControlFailure>?
    let client = ControlClient(test.loop, path: path, limit: limit) { answer = $0 }
    return withExtendedLifetime(client) { test.run { answer != nil } ? answer : nil }
  }

  @Test func aProcessThatIsAskedTellsItsStatus() throws {
    var asked: UInt64 = 0
    let server = try ControlServer(test.loop, try scratch.directory(), name: "web") {
      asked += 1
      var status = TunnelStatus()
      status.counters.connections = asked
      return status
    }
    var expected = TunnelStatus()
    for count: UInt64 in 1...3 {
      expected.counters.connections = count
      #expect(ask(server.path) == .success(expected))
    }
    #expect(server.path == scratch.control + "/web.sock")
    #expect(test.run { server.clientCount == 0 })
  }

  @Test func anAnswerLargerThanTheSocketsBufferArrivesWhole() throws {
    var large = status
    for number in 0..<1_500 {
      var client = TunnelStatus.Client()
      client.name = "client-\(number)"
      client.bytesIn = UInt64(number)
      large.clients.append(client)
    }
    #expect(large.json.count > 400_000)
    let server = try server(status: { [large] in large })
    #expect(ask(server.path) == .success(large))
  }

  @Test func otherRequestsAreRefused() throws {
    let server = try server()
    let peer = try RawPeer(test.loop, path: server.path)
    peer.send("stop\n")
    #expect(test.run { peer.hasEnded })
    #expect(peer.text == #"{"error":"unknown request"}"# + "\n")
  }

  @Test func aRequestMayComeInPieces() throws {
    let server = try server()
    let peer = try RawPeer(test.loop, path: server.path)
    peer.send("sta")
    #expect(test.run { server.clientCount == 1 })
    peer.send("tus\n")
    #expect(test.run { peer.hasEnded })
    #expect(peer.text.hasPrefix(#"{"status":{"name":"web""#))
  }

  @Test func aRequestWithoutEndIsCutOff() throws {
    let server = try server()
    let peer = try RawPeer(test.loop, path: server.path)
    peer.send(String(repeating: "x", count: ControlRequest.maximumLength + 1))
    #expect(test.run { peer.hasEnded })
    #expect(peer.received.isEmpty)
    #expect(ask(server.path) == .success(status))
  }

  @Test func whoSaysNothingIsLetGo() throws {
    let server = try server(limit: .milliseconds(5))
    let peer = try RawPeer(test.loop, path: server.path)
    #expect(test.run { peer.hasEnded && server.clientCount == 0 })
    #expect(peer.received.isEmpty)
  }

  @Test func whoComesWhileAllPlacesAreTakenWaits() throws {
    let server = try server()
    var idle: [RawPeer] = []
    for _ in 0..<RequestServer.maximumClients { idle.append(try RawPeer(test.loop, path: server.path)) }
    #expect(test.run { server.clientCount == RequestServer.maximumClients })
    let waiting = try RawPeer(test.loop, path: server.path)
    waiting.send("status\n")
    // Another connection's whole life passes, so the waiting one would have been seen.
    var (turns, answered) = (0, false)
    #expect(
      test.run {
        turns += 1
        answered = answered || !waiting.received.isEmpty
        return turns == 50
      })
    #expect(!answered && server.clientCount == RequestServer.maximumClients)
    idle[3].close()
    #expect(test.run { waiting.hasEnded })
    #expect(waiting.text.hasPrefix(#"{"status""#))
  }

  @Test func whoIsNotTrustedGetsNothing() throws {
    var asked = false
    let server = try server(
      isTrusted: { _ in false },
      status: {
        asked = true
        return TunnelStatus()
      })
    let peer = try RawPeer(test.loop, path: server.path)
    peer.send("status\n")
    #expect(test.run { peer.hasEnded })
    #expect(peer.received.isEmpty && !asked)
  }

  @Test func theKernelSaysWhoseProcessConnected() throws {
    let (near, far) = socketPair()
    defer { close(near); close(far) }
    #expect(UnixSocket.isPeerTrusted(near))
    let descriptor = open("/dev/null", O_RDONLY)
    defer { close(descriptor) }
    #expect(!UnixSocket.isPeerTrusted(descriptor), "no socket has no peer")
  }

  @Test(.enabled(if: geteuid() == 0)) func aProcessOfAnotherUserIsNotTrusted() throws {
    // The library's own functions change the user of all threads; the system call that of this one.
    #if arch(x86_64)
      let setresuid = 117
    #else
      let setresuid = 147
    #endif
    typealias Call = @convention(c) (Int, Int, Int, Int) -> Int
    let call = unsafeBitCast(try #require(dlsym(nil, "syscall")), to: Call.self)
    try #require(call(setresuid, -1, 1, -1) == 0)
    let (near, far) = socketPair()
    try #require(call(setresuid, -1, 0, -1) == 0)
    defer { close(near); close(far) }
    #expect(!UnixSocket.isPeerTrusted(near))
  }

  @Test func aNameInUseIsNotTakenAway() throws {
    let first = try server()
    #expect(throws: ReactorError.self) { try server() }
    #expect(ask(first.path) == .success(status))
  }

  @Test func theSocketGoesWithItsServerAndThoseOfTheDeadWithTheNext() throws {
    let directory = try scratch.directory()
    close(try UnixSocket.listening(at: directory.socketPath("serve-1")))
    let first = try server("a")
    #expect(directory.names() == ["a"])
    first.close()
    #expect(directory.names() == [])
    #expect(ask(first.path) == .failure(.unreachable("No such file or directory")))
  }

  @Test func theClientSaysWhatIsWrong() throws {
    let directory = try scratch.directory()
    let path = try directory.socketPath("odd")
    var words: String? = "what?\n"
    var peers: [RawPeer] = []
    let listener = try Listener(test.loop, unixPath: path) { [test] descriptor, _ in
      let peer = RawPeer(test.loop, descriptor)
      peer.lastWord = words
      peers.append(peer)
    }
    defer { listener.close() }
    #expect(ask(path) == .failure(.malformed))
    words = #"{"error":"busy"}"# + "\n"
    #expect(ask(path) == .failure(.refused("busy")))
    words = ""
    #expect(ask(path) == .failure(.noAnswer))
    words = nil
    #expect(ask(path, limit: .milliseconds(5)) == .failure(.noAnswer))
    #expect(
      ask(String(repeating: "/x", count: 100)) == .failure(.unreachable("the path is too long")))
  }
}
