import Foundation
import Testing

extension EndToEndTests {
  /// With OpenSSH's own programs: what is written is what they understand.
  @Suite(.enabled(if: access("/usr/sbin/sshd", X_OK) == 0, "needs openssh-server")) struct SSHLogin {
    /// An sshd of one test, on loopback.
    private struct Server {
      let child: Child
      let port: String

      init(_ scratch: Scratch) throws {
        port = String(try LocalService.refusing().split(separator: ":")[1])
        let hostKey = scratch.file("host_key")
        let keygen = try Child("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", hostKey])
        try expectEnd(keygen, 0)
        // Modes are not looked at: the test's files lie in a directory that everybody may write to.
        let configuration = """
          Port \(port)
          ListenAddress 127.0.0.1
          HostKey \(hostKey)
          PidFile none
          AuthorizedKeysFile \(scratch.file("authorized_keys"))
          StrictModes no
          UsePAM no
          PasswordAuthentication no
          KbdInteractiveAuthentication no
          PermitRootLogin prohibit-password
          """
        let file = try scratch.file("sshd_config", Array((configuration + "\n").utf8))
        child = try Child("/usr/sbin/sshd", ["-D", "-e", "-f", file])
        try child.line(containing: "Server listening")
      }

      /// The exit code of a command over a login with the key of `home`.
      func login(_ home: String, _ options: [String] = []) throws -> Int32 {
        let name = String(cString: try #require(getpwuid(geteuid())).pointee.pw_name)
        let client = try Child(
          "/usr/bin/ssh",
          [
            "-F", "none", "-p", port, "-i", "\(home)/.ssh/id_ed25519", "-o", "IdentitiesOnly=yes",
            "-o", "IdentityAgent=none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null",
          ] + options + ["\(name)@127.0.0.1", "exit 7"])
        return try client.end()
      }
    }

    @Test(
      "a key that accept made opens the host, for as long and for what invite said", .timeLimit(.minutes(2)))
    func login() throws {
      let scratch = try Scratch()
      let home = try scratch.folder("home")
      let server = try Server(scratch)
      let invited = try Invited([
        "--yes", "--authorized-keys", scratch.file("authorized_keys"), "--restrict", "--expires", "1d",
      ])
      let accept = try invited.accept(["--no-passphrase"], home: home)
      try expectEnd(accept, 0)
      try expectEnd(invited.child, 0)
      #expect(accept.errors.contains("making a key"))
      #expect(try server.login(home) == 7)
      // A forwarding that the server refuses ends the client.
      let forwarding = ["-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:9"]
      #expect(try server.login(home, forwarding) == 255)
      let line = String(decoding: try scratch.content("authorized_keys"), as: UTF8.self)
      // The same without `restrict`: it was this that the server refused.
      _ = try scratch.file("authorized_keys", Array(line.replacing("restrict,pty,", with: "").utf8))
      #expect(try server.login(home, forwarding) == 7)
      let expired = line.replacing(/expiry-time="[0-9]{4}/, with: "expiry-time=\"2001")
      _ = try scratch.file("authorized_keys", Array(expired.utf8))
      #expect(try server.login(home) == 255)
    }

    @Test("keys that are there are used as they are, the first of them", .timeLimit(.minutes(2)))
    func existingKeys() throws {
      let scratch = try Scratch()
      let home = try scratch.folder("home")
      let folder = try scratch.folder("home/.ssh")
      for (type, size) in [("ecdsa", "256"), ("rsa", "2048")] {
        let keygen = try Child(
          "/usr/bin/ssh-keygen", ["-q", "-t", type, "-b", size, "-N", "", "-f", "\(folder)/id_\(type)"])
        try expectEnd(keygen, 0)
      }
      let before = try scratch.listing(of: "home")
      let invited = try Invited(["--yes", "--authorized-keys", scratch.file("authorized_keys")])
      try expectEnd(try invited.accept([], home: home), 0)
      try expectEnd(invited.child, 0)
      #expect(try scratch.content("authorized_keys") == scratch.content("home/.ssh/id_ecdsa.pub"))
      #expect(try scratch.listing(of: "home") == before)
    }

    @Test(
      "a private key without its public half is left alone, and none is made over it", .timeLimit(.minutes(2))
    )
    func lonelyPrivateKey() throws {
      let scratch = try Scratch()
      _ = try scratch.folder("home/.ssh")
      _ = try scratch.file("home/.ssh/id_ed25519", Array("precious".utf8))
      let invited = try Invited(["--yes", "--authorized-keys", scratch.file("authorized_keys")])
      let accept = try invited.accept(["--no-passphrase"], home: scratch.file("home"))
      try expectEnd(accept, 2)
      #expect(accept.errors.contains("no public half"))
      #expect(try scratch.content("home/.ssh/id_ed25519") == Array("precious".utf8))
      #expect(try scratch.names(in: "home/.ssh") == ["id_ed25519"])
    }
  }
}
