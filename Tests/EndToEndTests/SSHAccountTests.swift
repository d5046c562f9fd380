import Foundation
import Testing

/// What makes changes of the file system that only one process and its children see.
enum MountNamespace {
  /// Whether this machine lets the tests make one.
  static let isPossible: Bool = {
    guard geteuid() == 0, let child = try? Child("/usr/bin/unshare", ["--mount", "true"]) else {
      return false
    }
    return (try? child.end()) == 0
  }()
}

extension EndToEndTests {
  /// Keys for another account, which exists in a mount namespace of the test only.
  @Suite(.enabled(if: MountNamespace.isPossible, "needs root and mount namespaces")) struct SSHAccount {
    private static let user: uid_t = 54_321
    private let scratch: Scratch
    private let home: String

    init() throws {
      scratch = try Scratch()
      home = try scratch.folder("home")
      chown(home, Self.user, Self.user)
      // The account has to get to its home, and to nothing else.
      chmod(scratch.path, 0o711)
    }

    private func invite() throws -> Invited {
      let accounts = try String(contentsOfFile: "/etc/passwd", encoding: .utf8)
      let file = try scratch.file(
        "passwd", Array("\(accounts)guest:x:\(Self.user):\(Self.user)::\(home):/bin/sh\n".utf8))
      return try Invited(
        ["--yes", "--user", "guest"],
        through: [
          "/usr/bin/unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/passwd && exec \"$@\"", file,
        ])
    }

    /// Offers the key; the exit codes of both sides have to be this one.
    private func offer(expecting status: Int32, sourceLocation: SourceLocation = #_sourceLocation) throws
      -> Invited
    {
      let invited = try invite()
      let accept = try invited.accept(["--key", scratch.someKeyFile()], home: scratch.path)
      try expectEnd(accept, status, sourceLocation: sourceLocation)
      try expectEnd(invited.child, status, sourceLocation: sourceLocation)
      #expect(!accept.errors.contains(home), "the other side learns nothing of this machine's files")
      if status == 0 { #expect(try accept.collectedOutput().starts(with: Array("ssh guest@".utf8))) }
      return invited
    }

    @Test(
      "AUK-2, AUK-4: root writes for an account what the account would have written", .timeLimit(.minutes(2)))
    func written() throws {
      _ = try offer(expecting: 0)
      #expect(
        String(decoding: try scratch.content("home/.ssh/authorized_keys"), as: UTF8.self) == "\(someKey)\n")
      for (name, mode) in [(".ssh", S_IFDIR | 0o700), (".ssh/authorized_keys", S_IFREG | 0o600)] {
        var status = stat()
        #expect(lstat("\(home)/\(name)", &status) == 0)
        #expect(status.st_uid == Self.user && status.st_gid == Self.user)
        #expect(status.st_mode == mode)
      }
    }

    @Test("AUK-2: where the account may not write, root does not either", .timeLimit(.minutes(2)))
    func withoutItsRights() throws {
      chown(home, 0, 0)
      chmod(home, 0o755)
      let invited = try offer(expecting: 1)
      #expect(invited.child.errors.contains("the key was not accepted"))
      #expect(try scratch.names(in: "home").isEmpty)
    }

    @Test("AUK-3: a linked .ssh is refused, and what it leads to stays", .timeLimit(.minutes(2)))
    func linkedDirectory() throws {
      let elsewhere = try scratch.folder("elsewhere")
      chown(elsewhere, Self.user, Self.user)
      symlink(elsewhere, "\(home)/.ssh")
      let invited = try offer(expecting: 1)
      #expect(invited.child.errors.contains("a link"))
      #expect(try scratch.names(in: "elsewhere").isEmpty)
    }

    @Test("a lock that the account holds does not hold root for ever", .timeLimit(.minutes(2)))
    func locked() throws {
      let folder = try scratch.folder("home/.ssh")
      chown(folder, Self.user, Self.user)
      let lock = try Descriptor(opening: folder, O_RDONLY)
      #expect(flock(lock.number, LOCK_EX) == 0)
      let invited = try offer(expecting: 1)
      #expect(invited.child.errors.contains("in time"))
    }

    @Test("an account that is not there is refused before anybody is invited") func unknown() throws {
      try expectEnd(try Child("derphole", ["ssh", "invite", "--yes", "--user", "no-such-account"]), 64)
    }
  }
}
