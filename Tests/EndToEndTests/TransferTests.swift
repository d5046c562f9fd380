import Foundation
import Testing

extension EndToEndTests {
  @Suite struct Transfers {
    @Test("what is piped arrives", .timeLimit(.minutes(2)), arguments: [0, 1, 65_537, 64 << 20])
    func plain(size: Int) throws {
      try transfer(size, through: Relay())
    }

    @Test("over TLS too", .timeLimit(.minutes(2)), arguments: [0, 1, 64 << 20])
    func tls(size: Int) throws {
      let certificate = try Certificate()
      try transfer(size, through: Relay(certificate.relayOptions), environment: certificate.environment)
    }

    private func transfer(_ size: Int, through relay: Relay, environment: [String: String] = [:]) throws {
      let sent = payload(size)
      let listen = try Listen(at: relay, environment: environment)
      let pipe = try listen.pipe(.bytes(sent), environment: environment)
      try expectEnd(pipe, 0)
      try expectEnd(listen.child, 0)
      expectEqual(try listen.child.collectedOutput(), sent)
      #expect(try pipe.collectedOutput().isEmpty)
    }

    @Test("a relay with an unknown certificate is not used", .timeLimit(.minutes(2)))
    func untrustedCertificate() throws {
      let certificate = try Certificate()
      let relay = try Relay(certificate.relayOptions)
      let listen = try Listen(at: relay, environment: certificate.environment)
      let pipe = try listen.pipe(.bytes([1, 2, 3]), globals: [])
      try expectEnd(pipe, 5, within: 90)
      #expect(pipe.errorLines.count == 1)
      listen.child.send(SIGINT)
      try expectEnd(listen.child, 130)
      #expect(try listen.child.collectedOutput().isEmpty)
    }

    @Test("files at both ends", .timeLimit(.minutes(2)))
    func files() throws {
      let scratch = try Scratch()
      let sent = payload(5_000_000)
      let relay = try Relay()
      let listen = try Listen(["--derp", relay.url, "--output", scratch.file("received")])
      try expectEnd(try listen.pipe(.file(scratch.file("sent", sent))), 0)
      try expectEnd(listen.child, 0)
      expectEqual(try scratch.content("received"), sent)
      #expect(try listen.child.collectedOutput().isEmpty)
    }

    @Test("standard output that is a file", .timeLimit(.minutes(2)))
    func redirected() throws {
      let scratch = try Scratch()
      let sent = payload(5_000_000)
      let listen = try Listen(at: Relay(), output: .file(scratch.file("received")))
      try expectEnd(try listen.pipe(.bytes(sent)), 0)
      try expectEnd(listen.child, 0)
      expectEqual(try scratch.content("received"), sent)
    }

    @Test("input that comes in pieces arrives before its end", .timeLimit(.minutes(2)))
    func interactive() throws {
      let listen = try Listen(at: Relay(), output: .held)
      let pipe = try listen.pipe(.held)
      for text in ["one\n", "two\n", "three\n"] {
        pipe.input.write(Array(text.utf8))
        #expect(listen.child.output.read(exactly: text.utf8.count) == Array(text.utf8))
      }
      pipe.input.close()
      #expect(listen.child.output.readToEnd().isEmpty)
      try expectEnd(pipe, 0)
      try expectEnd(listen.child, 0)
    }
  }
}
