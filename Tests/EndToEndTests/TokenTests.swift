import Basics
import Foundation
import Testing
import Wire

extension EndToEndTests {
  @Suite struct Tokens {
    enum Way: CaseIterable { case argument, file, standardInput, environment }

    @Test("every way to hand over a token", .timeLimit(.minutes(2)), arguments: Way.allCases)
    func ways(way: Way) throws {
      let scratch = try Scratch()
      let listen = try Listen(at: Relay())
      let sent = payload(100_000)
      var arguments = ["--verbose", "pipe"]
      var environment: [String: String] = [:]
      var input = sent
      switch way {
      case .argument: arguments.append(listen.token)
      case .file:
        let path = try scratch.file("token", Array("\(listen.token)\n".utf8))
        arguments += ["--token-file", path]
      case .standardInput:
        arguments.append("--token-stdin")
        input = Array("\(listen.token)\n".utf8) + sent
      case .environment: environment["DERPHOLE_TOKEN"] = listen.token
      }
      let pipe = try Child("derphole", arguments, environment: environment, input: .held)
      pipe.input.write(input)
      // By now the process is what it will be, and its arguments are there to see.
      try pipe.line(containing: "connected-relay")
      let commandLine = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(pipe.pid)/cmdline"))
      pipe.input.close()
      try expectEnd(pipe, 0)
      try expectEnd(listen.child, 0)
      expectEqual(try listen.child.collectedOutput(), sent)
      #expect(String(decoding: commandLine, as: UTF8.self).contains(listen.token) == (way == .argument))
      #expect(!pipe.errors.contains(listen.token), "the log of pipe tells the token")
    }

    @Test(
      "--print-token-only prints it as the first line of standard output", .timeLimit(.minutes(2)),
      arguments: [true, false])
    func printTokenOnly(isToFile: Bool) throws {
      let scratch = try Scratch()
      let relay = try Relay()
      let options = isToFile ? ["--output", scratch.file("received")] : []
      let listen = try Child(
        "derphole", ["listen", "--derp", relay.url, "--print-token-only"] + options, output: .held)
      var line: [UInt8] = []
      while line.last != UInt8(ascii: "\n"), let byte = listen.output.read(1) { line += byte }
      let token = String(decoding: line.dropLast(), as: UTF8.self)
      let sent = payload(100_000)
      try expectEnd(try Child("derphole", ["pipe", token], input: .bytes(sent)), 0)
      let written = listen.output.readToEnd()
      try expectEnd(listen, 0)
      expectEqual(isToFile ? try scratch.content("received") : written, sent)
      #expect(isToFile == written.isEmpty)
      #expect(!listen.errors.contains(token))
    }

    /// A token that only its holder could have damaged.
    private func token(
      expires: Int64 = 3_600, capabilities: TokenCapabilities = [.stdio, .native, .plainHTTP]
    ) throws -> SessionToken {
      let relay = try DERPRoute.parse(url: "http://127.0.0.1:9", stunPort: 3_478).0
      return SessionToken(
        sessionID: Bytes16(high: 1, low: 2),
        expiresUnixSeconds: Int64(Date().timeIntervalSince1970) + expires,
        bootstrapRegion: 900, derpPublic: Bytes32(words: (1, 2, 3, 4)),
        quicPublic: Bytes32(words: (5, 6, 7, 8)), bearerSecret: Bytes32(words: (9, 10, 11, 12)),
        capabilities: capabilities, route: relay)
    }

    /// Expects that `pipe` refuses a token at once, in one line that contains `words`.
    private func expectUnusable(_ text: String, _ words: String) throws {
      let pipe = try Child("derphole", ["pipe", text])
      try expectEnd(pipe, 3, within: 10)
      #expect(pipe.errorLines.count == 1)
      #expect(pipe.errors.contains(words), "it wrote: \(pipe.errors)")
      #expect(!pipe.errors.contains(text))
    }

    @Test("an expired token") func expired() throws {
      try expectUnusable(token(expires: -1).encoded(), "expired")
    }

    @Test("a token for another command") func otherCommand() throws {
      try expectUnusable(token(capabilities: [.share, .native]).encoded(), "token")
    }

    @Test("a token with one character changed") func damaged() throws {
      var text = Array(try token().encoded())
      text[40] = text[40] == "A" ? "B" : "A"
      try expectUnusable(String(text), "token")
    }

    @Test("a token cut short") func cut() throws {
      try expectUnusable(String(try token().encoded().dropLast(5)), "token")
    }

    @Test("something that is no token") func nonsense() throws {
      try expectUnusable("hello-world", "token")
    }

    @Test("a token file that is not there") func missingFile() throws {
      let pipe = try Child("derphole", ["pipe", "--token-file", "/nonexistent/token"])
      #expect(try pipe.end(within: 10) != 0)
      #expect(pipe.errorLines.count == 1)
      #expect(pipe.errors.contains("/nonexistent/token"))
    }

    @Test("a second claimant is refused and disturbs nobody", .timeLimit(.minutes(2)))
    func secondClaimant() throws {
      let listen = try Listen(at: Relay())
      let sent = payload(3_000_000)
      let first = try listen.pipe(.held)
      try first.line(containing: "connected-relay")
      first.input.write(Array(sent[..<1_000_000]))
      let second = try listen.pipe(.bytes([1, 2, 3]), globals: [])
      try expectEnd(second, 4)
      #expect(second.errorLines.count == 1)
      #expect(second.errors.contains("claimed"), "it wrote: \(second.errors)")
      first.input.write(Array(sent[1_000_000...]))
      first.input.close()
      try expectEnd(first, 0)
      try expectEnd(listen.child, 0)
      expectEqual(try listen.child.collectedOutput(), sent)
    }
  }
}
