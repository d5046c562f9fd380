import Foundation
import Testing

extension EndToEndTests {
  @Suite struct Resume {
    private static let size = 24 << 20
    private static let partial = "there/big.derphole-partial"

    /// A file to send, a place for it, and a relay.
    private struct Place {
      let scratch: Scratch
      let relay: Relay
      let path: String
      let folder: String

      init() throws {
        scratch = try Scratch()
        relay = try Relay()
        path = try scratch.file("big", payload(Resume.size))
        folder = try scratch.folder("there")
      }

      /// Two sides in the middle of a transfer that has some way to go: 4 MB have arrived.
      func running() throws -> (sender: Child, receiver: Child) {
        let sender = try Invitation.send(["--limit", "4MB", path], at: relay)
        let receiver = try sender.receiver(["--output", folder], globals: ["--json"])
        try receiver.progress(of: 4_000_000)
        return (sender.child, receiver)
      }

      /// Sends the same again and expects that it goes on where it stopped.
      func goesOn() throws {
        let sender = try Invitation.send(["--verify", path], at: relay, globals: ["--json"])
        let receiver = try sender.receiver(["--output", folder], globals: ["--json"])
        try expectEnd(receiver, 0)
        try expectEnd(sender.child, 0)
        for child in [sender.child, receiver] {
          let held = try child.finished("resumedBytes")
          #expect(held >= 1 << 20)
          let travelled = try child.finished("relayBytes")
          // A twentieth of the file: a relay whose queue is full drops frames, which are sent again.
          #expect(travelled < Resume.size - held + Resume.size / 20, "\(travelled) bytes, \(held) were there")
        }
        #expect(try scratch.names(in: "there") == ["big"])
        expectEqual(try scratch.content("there/big"), payload(Resume.size))
      }
    }

    @Test("after the receiver was killed", .timeLimit(.minutes(2))) func killedReceiver() throws {
      let place = try Place()
      let (sender, receiver) = try place.running()
      receiver.send(SIGKILL)
      try expectEnd(receiver, 128 + SIGKILL)
      try expectEnd(sender, 6)
      #expect(sender.failures.count == 1, "it wrote: \(sender.errors)")
      #expect(try place.scratch.names(in: "there") == ["big.derphole-partial"])
      try place.goesOn()
    }

    @Test("after the sender was killed", .timeLimit(.minutes(2))) func killedSender() throws {
      let place = try Place()
      let (sender, receiver) = try place.running()
      sender.send(SIGKILL)
      try expectEnd(sender, 128 + SIGKILL)
      try expectEnd(receiver, 6)
      #expect(try place.scratch.names(in: "there") == ["big.derphole-partial"])
      try place.goesOn()
    }

    @Test("after an interrupt of either side", .timeLimit(.minutes(2)), arguments: [true, false])
    func interrupted(isSender: Bool) throws {
      let place = try Place()
      let (sender, receiver) = try place.running()
      let (one, other) = isSender ? (sender, receiver) : (receiver, sender)
      one.send(SIGINT)
      try expectEnd(one, 130)
      try expectEnd(other, 6)
      #expect(sender.failures.count == 1, "it wrote: \(sender.errors)")
      #expect(try place.scratch.names(in: "there") == ["big.derphole-partial"])
      try place.goesOn()
    }

    @Test("an interrupt before anybody came leaves nothing", .timeLimit(.minutes(2))) func unclaimed() throws
    {
      let place = try Place()
      let waiting = [
        try Invitation.send([place.path], at: place.relay),
        try Invitation.receive(["--output", place.folder], at: place.relay),
      ]
      for side in waiting {
        side.child.send(SIGINT)
        try expectEnd(side.child, 130)
        #expect(side.child.failures.count == 1, "it wrote: \(side.child.errors)")
      }
      #expect(try place.scratch.names(in: "there").isEmpty)
    }

    @Test("what is there but differs is sent again", .timeLimit(.minutes(2))) func damaged() throws {
      let place = try Place()
      var content = payload(Self.size)
      content.replaceSubrange(5_000_000..<5_000_100, with: [UInt8](repeating: 0, count: 100))
      content.removeLast(8 << 20)
      _ = try place.scratch.file(Self.partial, content)
      try place.goesOn()
    }

    enum Change: CaseIterable { case overwritten, shortened, lengthened }

    @Test("a source that changes while it is sent", .timeLimit(.minutes(2)), arguments: Change.allCases)
    func changed(change: Change) throws {
      let place = try Place()
      let (sender, receiver) = try place.running()
      switch change {
      case .overwritten:
        let file = try Descriptor(opening: place.path, O_WRONLY)
        file.write(payload(100, seed: 3))
      case .shortened: #expect(truncate(place.path, 5_000_000) == 0)
      case .lengthened:
        let file = try Descriptor(opening: place.path, O_WRONLY | O_APPEND)
        file.write([1])
      }
      try expectEnd(sender, 2)
      try expectEnd(receiver, 6)
      #expect(sender.failures.count == 1, "it wrote: \(sender.errors)")
      #expect(sender.errors.contains("big"), "it wrote: \(sender.errors)")
      #expect(try place.scratch.names(in: "there") == ["big.derphole-partial"])
    }

    @Test("a source that changes before anybody comes", .timeLimit(.minutes(2))) func changedBefore() throws {
      let place = try Place()
      let sender = try Invitation.send([place.path], at: place.relay)
      _ = try place.scratch.file("big", payload(Self.size, seed: 3))
      let receiver = try sender.receiver(["--output", place.folder])
      try expectEnd(sender.child, 2)
      try expectEnd(receiver, 6)
      #expect(receiver.failures.count == 1, "it wrote: \(receiver.errors)")
      #expect(try !place.scratch.names(in: "there").contains("big"))
    }
  }
}
