import Glibc
import Testing

@testable import Reactor

/// Unix sockets in a directory of their own.
@Suite struct UnixSocketTests {
  private final class Scratch {
    let path: String

    init() {
      var template = Array("/tmp/derphole-unix-XXXXXX".utf8CString)
      path = String(cString: mkdtemp(&template))
    }

    deinit {
      unlink(file)
      rmdir(path)
    }

    var file: String { path + "/socket" }

    /// The kind and mode of what is there; nil for nothing.
    var mode: UInt32? {
      var status = stat()
      return lstat(file, &status) == 0 ? status.st_mode : nil
    }

    /// A listening socket that this process closes without removing its file.
    func abandon() throws { close(try UnixSocket.listening(at: file)) }
  }

  private func connection(to path: String) throws -> (descriptor: Int32, code: Int32) {
    let descriptor = try UnixSocket.make()
    let status = UnixSocket.withAddress(path) { connect(descriptor, $0, $1) }
    return (descriptor, status == 0 ? 0 : errno)
  }

  @Test func onlyTheOwnerMayUseItAndItGoesWithItsListener() throws {
    let scratch = Scratch()
    let test = try TestLoop()
    let listener = try Listener(test.loop, unixPath: scratch.file) { descriptor, _ in
      close(descriptor)
      test.loop.stop()
    }
    #expect(scratch.mode == S_IFSOCK | 0o600)
    let (client, code) = try connection(to: scratch.file)
    defer { close(client) }
    #expect(code == 0)
    #expect(test.run())
    listener.close()
    #expect(scratch.mode == nil)
  }

  @Test func anAbandonedSocketIsReplaced() throws {
    let scratch = Scratch()
    try scratch.abandon()
    let descriptor = try UnixSocket.listening(at: scratch.file)
    defer { close(descriptor) }
    let (client, code) = try connection(to: scratch.file)
    close(client)
    #expect(code == 0)
  }

  @Test func aSocketInUseIsLeftAlone() throws {
    let scratch = Scratch()
    let descriptor = try UnixSocket.listening(at: scratch.file)
    defer { close(descriptor) }
    #expect(throws: ReactorError.self) { try UnixSocket.listening(at: scratch.file) }
    let (client, code) = try connection(to: scratch.file)
    close(client)
    #expect(code == 0)
  }

  @Test(arguments: [true, false]) func whatIsNoSocketIsLeftAlone(isLink: Bool) throws {
    let scratch = Scratch()
    if isLink {
      #expect(symlink("/nonexistent", scratch.file) == 0)
    } else {
      close(open(scratch.file, O_CREAT | O_WRONLY, 0o644))
    }
    let mode = try #require(scratch.mode)
    #expect(throws: ReactorError.self) { try UnixSocket.listening(at: scratch.file) }
    #expect(scratch.mode == mode)
  }

  @Test func aListenerDoesNotRemoveWhatReplacedIt() throws {
    let scratch = Scratch()
    let test = try TestLoop()
    let listener = try Listener(test.loop, unixPath: scratch.file) { descriptor, _ in close(descriptor) }
    unlink(scratch.file)
    let descriptor = try UnixSocket.listening(at: scratch.file)
    defer { close(descriptor) }
    listener.close()
    #expect(scratch.mode != nil)
  }

  /// A Unix socket refuses to wait for room in a service's queue by itself: connect(2) says EAGAIN.
  @Test func aServiceWhoseQueueIsFullIsTriedAgain() throws {
    let scratch = Scratch()
    let test = try TestLoop()
    let service = try UnixSocket.make()
    defer { close(service) }
    #expect(UnixSocket.withAddress(scratch.file) { bind(service, $0, $1) } == 0)
    #expect(listen(service, 0) == 0)
    var queued: [Int32] = []
    defer { for descriptor in queued { close(descriptor) } }
    while true {
      let (descriptor, code) = try connection(to: scratch.file)
      queued.append(descriptor)
      guard code == 0 else {
        #expect(code == EAGAIN)
        break
      }
    }
    var result: Int32?
    var reason = ""
    let dialer = ServiceDialer(test.loop, .unix(path: scratch.file)) { descriptor, text in
      result = descriptor
      reason = text
      test.loop.stop()
    }
    // Room appears only after the dialer has found none.
    var rounds = 5
    func makeRoom() {
      rounds -= 1
      if rounds > 0 { return test.loop.defer(makeRoom) }
      while case let accepted = accept(service, nil, nil), accepted >= 0 { close(accepted) }
    }
    test.loop.defer(makeRoom)
    try withExtendedLifetime(dialer) {
      #expect(test.run())
      let connected = try #require(result, "\(reason)")
      defer { close(connected) }
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let status = withUnsafeMutablePointer(to: &storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(connected, $0, &length) }
      }
      #expect(status == 0, "the socket is connected")
    }
  }
}
