import Glibc
import Testing

@testable import Reactor

@Suite struct ControlDirectoryTests {
  @Test func itIsMadeForItsOwnerAndFoundAgain() throws {
    let scratch = ControlScratch()
    #expect(try ControlDirectory.existing(at: scratch.control) == nil)
    let made = try ControlDirectory.prepared(at: scratch.control)
    var status = stat()
    #expect(lstat(scratch.control, &status) == 0 && status.st_mode == S_IFDIR | 0o700)
    #expect(try ControlDirectory.prepared(at: scratch.control) == made)
    #expect(try ControlDirectory.existing(at: scratch.control) == made)
  }

  @Test(arguments: ["link", "file", "mode", "group"])
  func whatOthersCouldHavePreparedIsRefused(kind: String) throws {
    let scratch = ControlScratch()
    switch kind {
    case "link": #expect(symlink(scratch.path, scratch.control) == 0)
    case "file": close(open(scratch.control, O_CREAT | O_WRONLY, 0o700))
    default:
      #expect(mkdir(scratch.control, 0o700) == 0)
      #expect(chmod(scratch.control, kind == "mode" ? 0o701 : 0o770) == 0)
    }
    #expect(throws: ReactorError.self) { try ControlDirectory.prepared(at: scratch.control) }
    #expect(throws: ReactorError.self) { try ControlDirectory.existing(at: scratch.control) }
  }

  @Test(.enabled(if: geteuid() == 0)) func anotherUsersIsRefused() throws {
    let scratch = ControlScratch()
    #expect(mkdir(scratch.control, 0o700) == 0 && chown(scratch.control, 1, 1) == 0)
    #expect(throws: ReactorError.unfit("\(scratch.control) belongs to another user")) {
      try ControlDirectory.prepared(at: scratch.control)
    }
  }

  @Test func theDefaultIsInTheRuntimeDirectoryOfThisUser() {
    let scratch = ControlScratch()
    let own = "/tmp/derptun-\(geteuid())"
    #expect(ControlDirectory.defaultPath(runtimeDirectory: scratch.path) == scratch.path + "/derptun")
    #expect(ControlDirectory.defaultPath(runtimeDirectory: nil) == own)
    #expect(ControlDirectory.defaultPath(runtimeDirectory: "tmp") == own)
    #expect(ControlDirectory.defaultPath(runtimeDirectory: scratch.path + "/missing") == own)
    if geteuid() == 0 {
      #expect(chown(scratch.path, 1, 1) == 0)
      #expect(ControlDirectory.defaultPath(runtimeDirectory: scratch.path) == own)
    }
    #expect(ControlDirectory.defaultName(.serve, pid: 12) == "serve-12")
  }

  @Test func namesAreThoseOfSocketsOnly() throws {
    let scratch = ControlScratch()
    let directory = try scratch.directory()
    var open: [Int32] = []
    defer { for descriptor in open { close(descriptor) } }
    for name in ["b", "a-1"] { open.append(try UnixSocket.listening(at: directory.socketPath(name))) }
    close(Glibc.open("\(scratch.control)/file.sock", O_CREAT | O_WRONLY, 0o600))
    #expect(symlink("b.sock", "\(scratch.control)/link.sock") == 0)
    open.append(try UnixSocket.listening(at: "\(scratch.control)/other"))
    #expect(directory.names() == ["a-1", "b"])
  }

  @Test(arguments: ["", ".", "..", ".hidden", "-x", "a/b", "a b", "ä", String(repeating: "x", count: 65)])
  func whatCouldLeadElsewhereIsNoName(name: String) throws {
    let directory = try ControlScratch().directory()
    #expect(throws: ReactorError.self) { try directory.socketPath(name) }
  }

  @Test func abandonedSocketsGoAndOthersStay() throws {
    let scratch = ControlScratch()
    let directory = try scratch.directory()
    close(try UnixSocket.listening(at: directory.socketPath("dead")))
    let alive = try UnixSocket.listening(at: directory.socketPath("alive"))
    defer { close(alive) }
    // While a process is about to listen its socket looks abandoned.
    try directory.whileLocked { () throws(ReactorError) in directory.removeAbandoned() }
    #expect(directory.names() == ["alive", "dead"])
    directory.removeAbandoned()
    #expect(directory.names() == ["alive"])
  }
}
