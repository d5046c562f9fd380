import Foundation
import Testing

extension EndToEndTests {
  @Suite struct SendReceive {
    /// Has what these arguments say received into a folder; both sides must succeed.
    @discardableResult
    private func deliver(
      _ arguments: [String], to destination: [String] = [], input: Child.Input = .null
    ) throws -> (sender: Child, receiver: Child) {
      let sender = try Invitation.send(arguments, at: Relay(), input: input)
      let receiver = try sender.receiver(destination)
      try expectEnd(receiver, 0)
      try expectEnd(sender.child, 0)
      #expect(try sender.child.collectedOutput().isEmpty)
      return (sender.child, receiver)
    }

    // MARK: What is sent

    @Test(
      "a file arrives with content, mode and time", .timeLimit(.minutes(2)), arguments: [0, 1, 5_000_000])
    func file(size: Int) throws {
      let scratch = try Scratch()
      let sent = payload(size)
      let path = try scratch.file("photo.jpg", sent)
      let folder = try scratch.folder("there")
      #expect(chmod(path, 0o640) == 0)
      var times = [
        timespec(tv_sec: 1_000_000_000, tv_nsec: 0), timespec(tv_sec: 1_234_567_890, tv_nsec: 987_654_321),
      ]
      #expect(utimensat(AT_FDCWD, path, &times, 0) == 0)
      let (_, receiver) = try deliver([path], to: ["--output", folder])
      expectEqual(try scratch.content("there/photo.jpg"), sent)
      #expect(try receiver.collectedOutput().isEmpty)
      var status = stat()
      #expect(stat("\(folder)/photo.jpg", &status) == 0)
      #expect(status.st_mode & 0o777 == 0o640)
      #expect(status.st_mtim.tv_sec == 1_234_567_890)
      #expect(status.st_mtim.tv_nsec == 987_654_321)
      #expect(try scratch.names(in: "there") == ["photo.jpg"])
    }

    @Test(
      "text goes to standard output byte for byte", .timeLimit(.minutes(2)),
      arguments: ["see you at eight", "", "ä€\u{1F600}\u{1B}[31m\ttwo\nlines", "no/such/file"])
    func text(text: String) throws {
      let (_, receiver) = try deliver([text])
      #expect(try receiver.collectedOutput() == Array(text.utf8))
    }

    @Test(
      "standard input, with and without -", .timeLimit(.minutes(2)), arguments: [[], ["-"]], [0, 3_000_000])
    func standardInput(arguments: [String], size: Int) throws {
      let sent = payload(size)
      let (_, receiver) = try deliver(arguments, input: .bytes(sent))
      expectEqual(try receiver.collectedOutput(), sent)
    }

    @Test("standard input into a file", .timeLimit(.minutes(2))) func standardInputToFile() throws {
      let scratch = try Scratch()
      let sent = payload(3_000_000)
      let (_, receiver) = try deliver(["-"], to: ["--output", scratch.file("dump")], input: .bytes(sent))
      expectEqual(try scratch.content("dump"), sent)
      #expect(try receiver.collectedOutput().isEmpty)
    }

    @Test("several files come into one directory", .timeLimit(.minutes(2))) func several() throws {
      let scratch = try Scratch()
      let paths = [
        try scratch.file("one", payload(100_000)), try scratch.file("two", payload(70_000, seed: 2)),
      ]
      try deliver(paths, to: ["--output", scratch.folder("there")])
      #expect(try scratch.names(in: "there") == ["received"])
      #expect(try scratch.names(in: "there/received") == ["one", "two"])
      expectEqual(try scratch.content("there/received/one"), payload(100_000))
      expectEqual(try scratch.content("there/received/two"), payload(70_000, seed: 2))
    }

    /// A directory with everything that a directory can hold.
    private func project(_ scratch: Scratch) throws -> String {
      let folder = try scratch.folder("project")
      for name in ["empty", "nested/deeper", "build"] { _ = try scratch.folder("project/\(name)") }
      _ = try scratch.file("project/nested/deeper/data", payload(300_000))
      _ = try scratch.file("project/nested/none", [])
      _ = try scratch.file("project/notes.log", payload(10))
      _ = try scratch.file("project/build/object", payload(20))
      let program = try scratch.file("project/run", Array("#!/bin/sh\n".utf8))
      #expect(chmod(program, 0o755) == 0)
      #expect(symlink("nested/deeper/data", "\(folder)/link") == 0)
      return folder
    }

    @Test("a directory with all that is in it", .timeLimit(.minutes(2))) func directory() throws {
      let scratch = try Scratch()
      let folder = try project(scratch)
      try deliver([folder], to: ["--output", scratch.folder("there")])
      #expect(try scratch.listing(of: "there/project") == scratch.listing(of: "project"))
      #expect(try scratch.names(in: "there") == ["project"])
    }

    @Test("--exclude leaves out", .timeLimit(.minutes(2))) func exclude() throws {
      let scratch = try Scratch()
      let folder = try project(scratch)
      try deliver(
        ["--exclude", "*.log", "--exclude", "build/", folder], to: ["--output", scratch.folder("there")])
      let rest = try scratch.listing(of: "project").filter { line in
        !line.contains(" build") && !line.contains("notes.log")
      }
      #expect(try scratch.listing(of: "there/project") == rest)
      #expect(rest.count == 7)
    }

    @Test("--verify prints the digest on both sides", .timeLimit(.minutes(2))) func verify() throws {
      let scratch = try Scratch()
      let path = try scratch.file("photo.jpg", payload(3_000_000))
      let (sender, receiver) = try deliver(["--verify", path], to: ["--output", scratch.folder("there")])
      let tool = try Child("/usr/bin/sha256sum", [path])
      try expectEnd(tool, 0)
      let digest = String(decoding: try tool.collectedOutput().prefix(64), as: UTF8.self)
      #expect(sender.errorLines.contains("SHA-256 \(digest)"), "it wrote: \(sender.errors)")
      #expect(receiver.errorLines.contains("SHA-256 \(digest)"), "it wrote: \(receiver.errors)")
    }

    // MARK: Where it goes

    @Test("a name that the sender gave gives way", .timeLimit(.minutes(2))) func freeName() throws {
      let scratch = try Scratch()
      let path = try scratch.file("photo.jpg", payload(1_000))
      let folder = try scratch.folder("there")
      for name in ["photo.jpg", "photo-1.jpg", "photo-2.jpg"] {
        try deliver([path], to: ["--output", folder])
        expectEqual(try scratch.content("there/\(name)"), payload(1_000))
      }
      #expect(try scratch.names(in: "there") == ["photo-1.jpg", "photo-2.jpg", "photo.jpg"])
    }

    @Test("a name that the user gave does not, unless forced", .timeLimit(.minutes(2))) func forced() throws {
      let scratch = try Scratch()
      let path = try scratch.file("new", payload(1_000))
      _ = try scratch.folder("there")
      let target = try scratch.file("there/old", payload(9, seed: 9))
      let sender = try Invitation.send([path], at: Relay())
      let receiver = try sender.receiver(["--output", target])
      #expect(try receiver.end() != 0)
      #expect(try sender.child.end() != 0)
      for child in [sender.child, receiver] {
        #expect(child.failures.count == 1, "it wrote: \(child.errors)")
        #expect(child.failures.first?.contains("old exists already") == true)
      }
      #expect(try scratch.names(in: "there") == ["old"])
      expectEqual(try scratch.content("there/old"), payload(9, seed: 9))
      try deliver([path], to: ["--force", "--output", target])
      expectEqual(try scratch.content("there/old"), payload(1_000))
      #expect(try scratch.names(in: "there") == ["old"])
    }

    // MARK: Codes

    @Test("a receiver without a code prints a token for send --to", .timeLimit(.minutes(2)))
    func receiverInvites() throws {
      let scratch = try Scratch()
      let sent = payload(3_000_000)
      let receiver = try Invitation.receive(["--output", scratch.folder("there")], at: Relay())
      let path = try scratch.file("photo.jpg", sent)
      let sender = try Child("derphole", ["--force-relay", "send", "--to", receiver.code, path])
      try expectEnd(sender, 0)
      try expectEnd(receiver.child, 0)
      expectEqual(try scratch.content("there/photo.jpg"), sent)
    }

    enum Way: CaseIterable { case file, standardInput, environment }

    @Test("every way to hand over a code", .timeLimit(.minutes(2)), arguments: Way.allCases)
    func ways(way: Way) throws {
      let scratch = try Scratch()
      let sender = try Invitation.send(["hello"], at: Relay())
      let line = Array("\(sender.code)\n".utf8)
      let receiver =
        switch way {
        case .file: try Child("derphole", ["receive", "--code-file", scratch.file("code", line)])
        case .standardInput: try Child("derphole", ["receive", "--code-stdin"], input: .bytes(line))
        case .environment: try Child("derphole", ["receive"], environment: ["DERPHOLE_TOKEN": sender.code])
        }
      try expectEnd(receiver, 0)
      try expectEnd(sender.child, 0)
      #expect(try receiver.collectedOutput() == Array("hello".utf8))
      #expect(!receiver.errors.contains(sender.code))
    }

    @Test("a token for another command is refused in one line", .timeLimit(.minutes(2)))
    func otherCommand() throws {
      let relay = try Relay()
      let listen = try Listen(at: relay)
      let send = try Invitation.send(["hello"], at: relay)
      let receive = try Invitation.receive([], at: relay)
      let wrong: [(token: String, commands: [[String]], meant: String)] = [
        (listen.token, [["receive"], ["send", "hello", "--to"]], "derphole pipe"),
        (send.code, [["pipe"], ["send", "hello", "--to"]], "derphole receive"),
        (receive.code, [["pipe"], ["receive"]], "derphole send --to"),
      ]
      for (token, commands, meant) in wrong {
        for command in commands {
          let child = try Child("derphole", command + [token])
          try expectEnd(child, 3)
          #expect(child.errorLines.count == 1, "\(command) wrote: \(child.errors)")
          #expect(child.errors.contains("`\(meant)`"), "\(command) wrote: \(child.errors)")
          #expect(!child.errors.contains(token))
        }
      }
    }
  }
}
