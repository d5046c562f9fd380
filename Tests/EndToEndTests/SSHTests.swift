import Foundation
import Testing
import Wire

extension EndToEndTests {
  @Suite struct SSH {
    @Test("a key is sent, written with what it may do, and both sides know", .timeLimit(.minutes(2)))
    func accepted() throws {
      let scratch = try Scratch()
      let keys = scratch.file("authorized_keys")
      for attempt in 0..<2 {
        let invited = try Invited([
          "--yes", "--authorized-keys", keys, "--restrict", "--expires", "2097-01-02T03:04:05Z",
        ])
        let accept = try invited.accept(["--key", scratch.someKeyFile()], home: scratch.path)
        try expectEnd(accept, 0)
        try expectEnd(invited.child, 0)
        #expect(
          String(decoding: try accept.collectedOutput(), as: UTF8.self).contains(
            /^ssh [a-z0-9_.-]+@[A-Za-z0-9_.-]+\n$/))
        #expect(accept.errors.contains(attempt == 0 ? "the key was accepted" : "had the key already"))
        #expect(invited.child.errors.contains("SHA256:QtP7GLzK5qTAE/DvAu8cBGfbypCRimoPQPza4F9eA60"))
        #expect(invited.child.errors.contains("changed nothing about it") == (attempt == 1))
      }
      let content = String(decoding: try scratch.content("authorized_keys"), as: UTF8.self)
      #expect(content == "restrict,pty,expiry-time=\"20970102030405Z\" \(someKey)\n")
    }

    @Test("both sides tell programs what became of the key", .timeLimit(.minutes(2))) func events() throws {
      let scratch = try Scratch()
      let invited = try Invited(["--json", "--yes", "--authorized-keys", scratch.file("authorized_keys")])
      let accept = try invited.accept(["--json", "--key", scratch.someKeyFile()], home: scratch.path)
      try expectEnd(accept, 0)
      try expectEnd(invited.child, 0)
      #expect(invited.child.errors.contains(#"{"event":"key","type":"ssh-ed25519","fingerprint":"SHA256:"#))
      for side in [invited.child, accept] {
        #expect(side.errors.contains(#"{"event":"answer","outcome":"added","user":""#))
      }
      #expect(accept.errors.contains(#""hostKeys":["#))
    }

    @Test("AUK-7: without a terminal and --yes nobody is invited", .timeLimit(.minutes(2)))
    func unasked() throws {
      for options in [[], ["--json"]] {
        let child = try Child(
          "derphole", options + ["ssh", "invite", "--derp", "http://127.0.0.1:9"], input: .detached)
        try expectEnd(child, 64)
        #expect(child.errorLines.count == 1)
        #expect(child.errors.contains("only --yes"))
      }
    }

    @Test(
      "AUK-7: a person at the terminal decides; meanwhile a second accept is refused",
      .timeLimit(.minutes(2)),
      arguments: ["y\n", "n\n", "\n"])
    func asked(reply: String) throws {
      let scratch = try Scratch()
      let invited = try Invited(
        ["--authorized-keys", scratch.file("authorized_keys")], input: .terminal)
      let accept = try invited.accept(["--key", scratch.someKeyFile()], home: scratch.path)
      try invited.child.line(containing: "the other side's key: ssh-ed25519 SHA256:")
      let second = try invited.accept(["--key", scratch.someKeyFile()], home: scratch.path)
      try expectEnd(second, 4)
      try invited.answer(reply)
      let isYes = reply == "y\n"
      try expectEnd(accept, isYes ? 0 : 4)
      try expectEnd(invited.child, isYes ? 0 : 4)
      #expect(accept.errors.contains(isYes ? "the key was accepted" : "declined"))
      #expect((access(scratch.file("authorized_keys"), F_OK) == 0) == isYes)
    }

    @Test("who leaves before the answer leaves the other side with a reason", .timeLimit(.minutes(2)))
    func leaving() throws {
      let scratch = try Scratch()
      for hostLeaves in [true, false] {
        let invited = try Invited(
          ["--authorized-keys", scratch.file("authorized_keys")], input: .terminal)
        let accept = try invited.accept(["--key", scratch.someKeyFile()], home: scratch.path)
        try invited.child.line(containing: "the other side's key")
        let (leaves, stays) = hostLeaves ? (invited.child, accept) : (accept, invited.child)
        leaves.send(SIGINT)
        try expectEnd(leaves, 130)
        try expectEnd(stays, 6)
        #expect(stays.errors.contains("the other side left"))
      }
      #expect(access(scratch.file("authorized_keys"), F_OK) != 0)
    }

    @Test(
      "a file that is no public key is not sent", .timeLimit(.minutes(2)),
      arguments: [
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n", "hello", someKey + "\n" + someKey,
        "ssh-ed25519 " + String(repeating: "A", count: 20_000),
      ])
    func noKey(content: String) throws {
      let scratch = try Scratch()
      let invited = try Invited(["--yes", "--authorized-keys", scratch.file("authorized_keys")])
      let accept = try invited.accept(
        ["--key", scratch.file("key.pub", Array(content.utf8))], home: scratch.path)
      try expectEnd(accept, 2)
      #expect(accept.errorLines.count == 1)
      #expect(access(scratch.file("authorized_keys"), F_OK) != 0)
    }

    @Test(
      "AUK-1: what a hostile program sends in a key's place is refused by the host", .timeLimit(.minutes(2)),
      arguments: [
        [UInt8](), [1], [2] + Array(someKey.utf8), [1] + Array((someKey + "\n" + someKey).utf8),
        [1] + Array("command=\"id\" \(someKey)".utf8), [1] + [UInt8](repeating: 0x41, count: 100_000),
      ])
    func hostile(message: [UInt8]) throws {
      let scratch = try Scratch()
      let invited = try Invited(["--yes", "--authorized-keys", scratch.file("authorized_keys")])
      let answer = try SSHKeyAnswer.parse(try Stranger.say(message, to: invited))
      #expect(answer.outcome == .failed)
      #expect(answer.user.isEmpty && answer.host.isEmpty && answer.fingerprints.isEmpty)
      try expectEnd(invited.child, 1)
      #expect(access(scratch.file("authorized_keys"), F_OK) != 0)
    }
  }
}
