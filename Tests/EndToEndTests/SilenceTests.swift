import Basics
import Foundation
import Testing
import Wire

/// What is noticed only after a while. These tests mostly wait, so they do it side by side.
@Suite struct EndToEndTestsOfSilence {
  /// Two peers in the middle of a transfer.
  private static func running() throws -> (relay: Relay, listen: Listen, pipe: Child) {
    let relay = try Relay()
    let listen = try Listen(at: relay, globals: [], output: .held)
    let pipe = try listen.pipe(.held, globals: [])
    let some = payload(300_000)
    pipe.input.write(some)
    expectEqual(listen.child.output.read(exactly: some.count), some)
    return (relay, listen, pipe)
  }

  @Test("a sender that is killed is missed, and its stream is not called complete", .timeLimit(.minutes(2)))
  func killedSender() async throws {
    try await onThread {
      let (_, listen, pipe) = try Self.running()
      pipe.send(SIGKILL)
      try expectEnd(listen.child, 6, within: 20)
      #expect(listen.child.errorLines.count == 2, "it wrote: \(listen.child.errors)")
    }
  }

  @Test("a receiver that is killed is missed", .timeLimit(.minutes(2))) func killedReceiver() async throws {
    try await onThread {
      let (_, listen, pipe) = try Self.running()
      listen.child.send(SIGKILL)
      try expectEnd(pipe, 6, within: 20)
      #expect(pipe.errorLines.count == 1, "it wrote: \(pipe.errors)")
    }
  }

  @Test("a sender that is killed leaves no file that looks complete", .timeLimit(.minutes(2)))
  func killedSenderOfFile() async throws {
    try await onThread {
      let scratch = try Scratch()
      let relay = try Relay()
      let listen = try Listen(["--derp", relay.url, "--output", scratch.file("received")])
      let pipe = try listen.pipe(.held)
      try pipe.line(containing: "connected-relay")
      pipe.input.write(payload(8 << 20))
      pipe.send(SIGKILL)
      try expectEnd(listen.child, 6, within: 20)
      let left = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
      #expect(left.isEmpty, "left behind: \(left)")
    }
  }

  @Test("a token with the right relay and a wrong secret gets no answer", .timeLimit(.minutes(2)))
  func wrongSecret() async throws {
    try await onThread {
      let listen = try Listen(at: Relay(), globals: [])
      var token = try SessionToken.decode(listen.token, nowUnixSeconds: 0)
      token.bearerSecret = Bytes32(words: (1, 2, 3, 4))
      let pipe = try Child("derphole", ["pipe", token.encoded()], input: .bytes([1]))
      try expectEnd(pipe, 6, within: 60)
      #expect(pipe.errorLines.count == 1)
      // The real holder is still served.
      try expectEnd(try listen.pipe(.bytes([42])), 0)
      try expectEnd(listen.child, 0)
      #expect(try listen.child.collectedOutput() == [42])
    }
  }

  @Test(
    "who claims an invitation and sends no key, or does not leave with the answer, holds nobody for ever",
    .timeLimit(.minutes(3)), arguments: [true, false])
  func lingering(asks: Bool) async throws {
    try await onThread {
      let scratch = try Scratch()
      let invited = try Invited(["--yes", "--authorized-keys", scratch.file("authorized_keys")])
      try Stranger.stay(at: invited, saying: asks ? [1] + Array(someKey.utf8) : nil)
      try expectEnd(invited.child, asks ? 0 : 1)
      #expect(invited.child.errors.contains("no key came") == !asks)
      #expect((access(scratch.file("authorized_keys"), F_OK) == 0) == asks)
    }
  }

  @Test("a relay that is not there", .timeLimit(.minutes(3)), arguments: [true, false])
  func unreachableRelay(isListen: Bool) async throws {
    try await onThread {
      let relay = try Relay()
      let listen = try Listen(at: relay)
      listen.child.send(SIGKILL)
      relay.child.send(SIGKILL)
      _ = try relay.child.end()
      let child = try Child(
        "derphole", isListen ? ["listen", "--derp", relay.url] : ["pipe", listen.token], input: .bytes([1]))
      try expectEnd(child, 5, within: 100)
      #expect(child.errors.contains("relay"), "it wrote: \(child.errors)")
    }
  }

  @Test("a relay that stays away in the middle", .timeLimit(.minutes(3))) func lostRelay() async throws {
    try await onThread {
      let (relay, listen, pipe) = try Self.running()
      relay.child.send(SIGKILL)
      try expectEnd(pipe, 5, within: 100)
      try expectEnd(listen.child, 5, within: 100)
      #expect(pipe.errorLines.count == 1)
    }
  }
}
