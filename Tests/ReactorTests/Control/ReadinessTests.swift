import Glibc
import Testing

@testable import Reactor

@Suite struct ReadinessTests {
  private func pipePair() -> (reader: Int32, writer: Int32) {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0)
    return (ends[0], ends[1])
  }

  private func contents(_ reader: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 100)
    var text: [UInt8] = []
    while case let count = read(reader, &bytes, bytes.count), count > 0 { text += bytes[..<count] }
    return String(decoding: text, as: UTF8.self)
  }

  @Test func theWordIsWrittenOnceAndTheDescriptorClosed() throws {
    let (reader, writer) = pipePair()
    defer { close(reader) }
    let readiness = try Readiness(descriptor: writer, notifySocket: nil)
    #expect(fcntl(writer, F_GETFD) == FD_CLOEXEC)
    readiness.ready()
    readiness.ready()
    readiness.stopping()
    // That the read ends shows that the descriptor is closed.
    #expect(contents(reader) == "ready\n")
  }

  @Test func whoWaitsInVainSeesTheEnd() throws {
    let (reader, writer) = pipePair()
    defer { close(reader) }
    _ = try Readiness(descriptor: writer, notifySocket: nil)
    #expect(contents(reader) == "")
  }

  @Test func aReaderThatIsGoneIsNoFailure() throws {
    let loop = try EventLoop()
    let (reader, writer) = pipePair()
    let readiness = try Readiness(descriptor: writer, notifySocket: nil)
    close(reader)
    readiness.ready()
    withExtendedLifetime(loop) {}
  }

  @Test func aFullPipeDoesNotHoldTheProcessUp() throws {
    let (reader, writer) = pipePair()
    defer { close(reader) }
    _ = fcntl(writer, F_SETFL, O_NONBLOCK)
    let block = [UInt8](repeating: 0x78, count: 4_096)
    while write(writer, block, block.count) > 0 {}
    _ = fcntl(writer, F_SETFL, 0)
    try Readiness(descriptor: writer, notifySocket: nil).ready()
    #expect(contents(reader).allSatisfy { $0 == "x" })
  }

  @Test(arguments: [-1, 0, 1, 2, 900_000]) func otherDescriptorsAreRefused(descriptor: Int32) {
    #expect(throws: ReactorError.self) { try Readiness(descriptor: descriptor, notifySocket: nil) }
  }

  @Test func aDescriptorForReadingIsRefused() {
    let (reader, writer) = pipePair()
    defer { close(reader); close(writer) }
    #expect(throws: ReactorError.self) { try Readiness(descriptor: reader, notifySocket: nil) }
    #expect(fcntl(reader, F_GETFD) >= 0, "what is refused stays open")
  }

  /// A bound socket for notifications, abstract or in a directory.
  private func manager(_ name: [UInt8]) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sa_family_t>.size + name.count))
      }
    }
    precondition(status == 0)
    return descriptor
  }

  private func next(_ descriptor: Int32) -> String? {
    var bytes = [UInt8](repeating: 0, count: 100)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
  }

  @Test(arguments: [true, false]) func theServiceManagerIsTold(isAbstract: Bool) throws {
    let scratch = ControlScratch()
    let path = isAbstract ? "derptun-test-\(getpid())" : scratch.path + "/notify"
    let socket = manager(isAbstract ? [0] + Array(path.utf8) : Array(path.utf8) + [0])
    defer { close(socket) }
    let readiness = try Readiness(descriptor: nil, notifySocket: isAbstract ? "@" + path : path)
    #expect(next(socket) == nil)
    readiness.ready()
    readiness.ready()
    readiness.stopping()
    #expect(next(socket) == "READY=1")
    #expect(next(socket) == "STOPPING=1")
    #expect(next(socket) == nil)
  }

  @Test(arguments: ["vsock:2:1", "notify", "@", "/", "/" + String(repeating: "x", count: 108)])
  func otherManagersAreRefused(text: String) {
    #expect(throws: ReactorError.self) { try Readiness(descriptor: nil, notifySocket: text) }
  }

  @Test func aManagerThatIsGoneIsNoFailure() throws {
    let readiness = try Readiness(descriptor: nil, notifySocket: "/nonexistent/notify")
    readiness.ready()
    try Readiness(descriptor: nil, notifySocket: "").ready()
  }
}
