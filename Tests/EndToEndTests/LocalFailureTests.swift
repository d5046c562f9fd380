import Foundation
import Testing

extension EndToEndTests {
  @Suite struct LocalFailures {
    /// Expects that `listen` fails at its own output, in one line, and that the sender hears of it.
    private func expectOutputFailure(_ listen: Listen, _ pipe: Child) throws {
      try expectEnd(listen.child, 2, within: 20)
      try expectEnd(pipe, 6, within: 20)
      let lines = listen.child.errorLines.filter { $0 != listen.token }
      #expect(lines.count == 1, "it wrote: \(listen.child.errors)")
      #expect(pipe.errorLines.count == 1, "it wrote: \(pipe.errors)")
    }

    @Test("a reader that has enough, as in listen | head -c 10", .timeLimit(.minutes(2)))
    func brokenPipe() throws {
      let listen = try Listen(at: Relay(), globals: [], output: .held)
      let sent = payload(16 << 20)
      let pipe = try listen.pipe(.bytes(sent), globals: [])
      #expect(listen.child.output.read(exactly: 10) == Array(sent[..<10]))
      listen.child.output.close()
      try expectOutputFailure(listen, pipe)
    }

    @Test("a full disk", .timeLimit(.minutes(2))) func fullDisk() throws {
      let listen = try Listen(at: Relay(), globals: [], output: .file("/dev/full"))
      let pipe = try listen.pipe(.bytes(payload(1 << 20)), globals: [])
      try expectOutputFailure(listen, pipe)
      #expect(listen.child.errors.localizedCaseInsensitiveContains("no space left"))
    }

    @Test("a closed standard output", .timeLimit(.minutes(2))) func closedOutput() throws {
      let relay = try Relay()
      let listen = try Child("derphole", ["listen", "--derp", relay.url], output: .closed)
      try expectEnd(listen, 2, within: 20)
      #expect(listen.errorLines.count == 1)
      #expect(listen.errors.contains("output"), "it wrote: \(listen.errors)")
    }

    @Test("a closed standard input", .timeLimit(.minutes(2))) func closedInput() throws {
      let listen = try Listen(at: Relay(), globals: [])
      let pipe = try listen.pipe(.closed, globals: [])
      try expectEnd(pipe, 2, within: 20)
      #expect(pipe.errorLines.count == 1)
      #expect(pipe.errors.contains("input"), "it wrote: \(pipe.errors)")
      listen.child.send(SIGKILL)
    }

    @Test("an output file in a folder that is not there", .timeLimit(.minutes(2))) func badOutputFile() throws
    {
      let relay = try Relay()
      let listen = try Child("derphole", ["listen", "--derp", relay.url, "--output", "/nonexistent/file"])
      try expectEnd(listen, 2, within: 20)
      #expect(listen.errorLines.count == 1)
      #expect(listen.errors.contains("/nonexistent/file"))
    }

    @Test("a slow reader holds the sender back, and nobody collects", .timeLimit(.minutes(3)))
    func slowReader() throws {
      let scratch = try Scratch()
      let sent = payload(192 << 20)
      let path = try scratch.file("sent", sent)
      let relay = try Relay()
      let listen = try Listen(at: relay, output: .held)
      let pipe = try listen.pipe(.file(path))
      try pipe.line(containing: "connected-relay")
      let stopped = try positionWhenStill(pipe, in: path)
      #expect(stopped < 64 << 20, "the sender has read \(stopped >> 20) MiB for a reader that reads nothing")
      var received = listen.child.output.read(exactly: sent.count / 2)
      // In the middle everybody is still there, with all buffers filled.
      for child in [pipe, listen.child, relay.child] {
        let peak = try child.peakMemory()
        #expect(peak < 64 << 20, "\(child.arguments) had \(peak >> 20) MiB")
      }
      received += listen.child.output.readToEnd()
      try expectEnd(pipe, 0)
      try expectEnd(listen.child, 0)
      expectEqual(received, sent)
    }

    /// How far a process has read its input file, once it has read nothing more for a second.
    private func positionWhenStill(_ child: Child, in path: String) throws -> Int {
      let ticks = Mailbox(0)
      var last = -1
      var stillSince = Date()
      let deadline = Date(timeIntervalSinceNow: 60)
      while Date() < deadline {
        let text = try String(contentsOfFile: "/proc/\(child.pid)/fdinfo/0", encoding: .utf8)
        let position = text.firstMatch(of: /pos:\s*([0-9]+)/).flatMap { Int($0.output.1) } ?? 0
        if position != last || position == 0 { (last, stillSince) = (position, Date()) }
        if Date().timeIntervalSince(stillSince) > 1 { return position }
        _ = ticks.wait(within: 0.05) { $0 > 0 ? () : nil }
      }
      throw TestFailure("the sender does not come to rest; it is at \(last)")
    }
  }
}
