import Foundation
import Testing

extension EndToEndTests {
  @Suite struct SSH {
    /// An invitation that has printed its token.
    private struct Invited {
      let relay: Relay
      let child: Child
      let token: String

      init(_ options: [String]) throws {
        relay = try Relay()
        child = try Child("derphole", ["--force-relay", "ssh", "invite", "--derp", relay.url] + options)
        token = try child.line {
          $0.firstMatch(of: /derphole ssh accept ([A-Za-z0-9_-]{170,})/).map { String($0.output.1) }
        }
      }

      func accept(_ options: [String], home: String) throws -> Child {
        try Child(
          "derphole", ["--force-relay", "ssh", "accept"] + options,
          environment: ["HOME": home, "DERPHOLE_TOKEN": token])
      }
    }

    private static let key =
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBR3IdfhWvM3Z/GRfP8X37/Z/RVWVdo+5BJ37HeH7Rkw root@vm"

    @Test("a key is sent, written with what it may do, and both sides know", .timeLimit(.minutes(2)))
    func accepted() throws {
      let scratch = try Scratch()
      let keys = scratch.file("authorized_keys")
      for attempt in 0..<2 {
        let invited = try Invited([
          "--yes", "--authorized-keys", keys, "--restrict", "--expires", "2027-01-02T03:04:05Z",
        ])
        let accept = try invited.accept(
          ["--key", scratch.file("key.pub", Array((Self.key + "\n").utf8))], home: scratch.path)
        try expectEnd(accept, 0)
        try expectEnd(invited.child, 0)
        #expect(
          String(decoding: try accept.collectedOutput(), as: UTF8.self).contains(
            /^ssh [a-z0-9_.-]+@[A-Za-z0-9_.-]+\n$/))
        #expect(accept.errors.contains(attempt == 0 ? "the key was accepted" : "had the key already"))
        #expect(invited.child.errors.contains("SHA256:QtP7GLzK5qTAE/DvAu8cBGfbypCRimoPQPza4F9eA60"))
      }
      let content = String(decoding: try scratch.content("authorized_keys"), as: UTF8.self)
      #expect(content == "restrict,pty,expiry-time=\"20270102030405Z\" \(Self.key)\n")
    }

    @Test("AUK-7: without a terminal and --yes nobody is let in", .timeLimit(.minutes(2))) func unasked()
      throws
    {
      let scratch = try Scratch()
      let invited = try Invited(["--authorized-keys", scratch.file("authorized_keys")])
      let accept = try invited.accept(
        ["--key", scratch.file("key.pub", Array(Self.key.utf8))], home: scratch.path)
      try expectEnd(accept, 4)
      try expectEnd(invited.child, 4)
      #expect(accept.errors.contains("declined"))
      #expect(access(scratch.file("authorized_keys"), F_OK) != 0)
    }

    @Test(
      "a file that is no public key is not sent", .timeLimit(.minutes(2)),
      arguments: [
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n", "hello", key + "\n" + key,
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
      "AUK-2: root writes for another account with its rights", .timeLimit(.minutes(2)),
      .enabled(if: geteuid() == 0, "needs root"))
    func otherAccount() throws {
      // `nobody` has a home that is not there, which is all that its rights let it find out.
      let scratch = try Scratch()
      let invited = try Invited(["--yes", "--user", "nobody"])
      let accept = try invited.accept(
        ["--key", scratch.file("key.pub", Array(Self.key.utf8))], home: scratch.path)
      try expectEnd(accept, 1)
      try expectEnd(invited.child, 1)
      #expect(invited.child.errors.contains("/nonexistent"))
      #expect(!accept.errors.contains("/nonexistent"), "the other side learns nothing of this machine")
      let unknown = try Child("derphole", ["ssh", "invite", "--user", "no-such-account"])
      try expectEnd(unknown, 64)
    }
  }
}
