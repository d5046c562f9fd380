import Foundation
import Testing

extension EndToEndTests {
  @Suite struct Interruptions {
    /// Two peers in the middle of a transfer: some bytes have arrived, and more would come.
    private func running() throws -> (listen: Listen, pipe: Child) {
      let listen = try Listen(at: Relay(), globals: [], output: .held)
      let pipe = try listen.pipe(.held, globals: [])
      let some = payload(300_000)
      pipe.input.write(some)
      expectEqual(listen.child.output.read(exactly: some.count), some)
      return (listen, pipe)
    }

    private func expectInterrupted(_ child: Child, _ status: Int32, peer: Child) throws {
      try expectEnd(child, status, within: 5)
      try expectEnd(peer, 6, within: 5)
      for child in [child, peer] {
        let lines = child.errorLines.filter { !$0.contains(/^[A-Za-z0-9_-]{170,}$/) }
        #expect(lines.count == 1, "\(child.name) wrote: \(child.errors)")
      }
    }

    @Test(
      "an interrupted listen ends both", .timeLimit(.minutes(2)), arguments: [SIGINT, SIGTERM])
    func interruptedListen(signal: Int32) throws {
      let (listen, pipe) = try running()
      listen.child.send(signal)
      try expectInterrupted(listen.child, 128 + signal, peer: pipe)
    }

    @Test(
      "an interrupted pipe ends both", .timeLimit(.minutes(2)), arguments: [SIGINT, SIGTERM])
    func interruptedPipe(signal: Int32) throws {
      let (listen, pipe) = try running()
      pipe.send(signal)
      try expectInterrupted(pipe, 128 + signal, peer: listen.child)
    }

    @Test("an unclaimed listen can be interrupted", .timeLimit(.minutes(2))) func unclaimed() throws {
      let listen = try Listen(at: Relay(), globals: [])
      listen.child.send(SIGINT)
      try expectEnd(listen.child, 130, within: 5)
      #expect(listen.child.errors.contains("interrupted"))
    }

    @Test("an interrupt while the other side does not read", .timeLimit(.minutes(2))) func stalled() throws {
      let listen = try Listen(at: Relay(), globals: [], output: .held)
      let pipe = try listen.pipe(.bytes(payload(64 << 20)), globals: [])
      #expect(listen.child.output.read(exactly: 1 << 20).count == 1 << 20)
      pipe.send(SIGINT)
      try expectEnd(pipe, 130, within: 5)
      try expectEnd(listen.child, 6, within: 20)
    }

    @Test("a file that is not complete is not there", .timeLimit(.minutes(2))) func incompleteFile() throws {
      let scratch = try Scratch()
      let relay = try Relay()
      let listen = try Listen(["--derp", relay.url, "--output", scratch.file("received")])
      let pipe = try listen.pipe(.held)
      try pipe.line(containing: "connected-relay")
      pipe.input.write(payload(8 << 20))
      pipe.send(SIGINT)
      try expectEnd(pipe, 130, within: 5)
      try expectEnd(listen.child, 6, within: 5)
      let left = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
      #expect(left.isEmpty, "left behind: \(left)")
    }
  }
}
