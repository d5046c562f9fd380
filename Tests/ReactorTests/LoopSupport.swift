import Basics
import Glibc
import Reactor

/// A loop that a test cannot hang: it stops by itself after a generous time, and the test sees that it did.
final class TestLoop {
  let loop: EventLoop
  private var guardTimer: LoopTimer?
  private(set) var timedOut = false

  init(limit: Interval = .seconds(20)) throws {
    loop = try EventLoop()
    guardTimer = loop.makeTimer { [unowned self] in
      timedOut = true
      loop.stop()
    }
    guardTimer?.arm(after: limit)
  }

  /// Runs until something calls `loop.stop()`; false when the guard had to.
  func run() -> Bool {
    loop.run()
    return !timedOut
  }
}

/// A connected pair of non-blocking Unix sockets.
func socketPair() -> (Int32, Int32) {
  var pair: [Int32] = [-1, -1]
  precondition(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
  return (pair[0], pair[1])
}

/// Writes all of `bytes` to a stream; the stream must take them.
func put(_ bytes: [UInt8], to stream: some ByteStream) throws -> Int {
  try bytes.withUnsafeBytes { (buffer) throws(StreamError) in try stream.write(buffer) }
}

/// One read of at most `limit` bytes.
func take(_ limit: Int, from stream: any ByteStream) throws -> (ReadResult, [UInt8]) {
  var buffer = [UInt8](repeating: 0, count: limit)
  let result = try buffer.withUnsafeMutableBytes { (raw) throws(StreamError) in try stream.read(into: raw) }
  if case .bytes(let count) = result { return (result, Array(buffer[..<count])) }
  return (result, [])
}

/// A blocking client socket connected to a listening loopback address (the kernel's queue takes it at once).
func blockingConnection(to address: SocketAddress) -> Int32 {
  let descriptor = socket(address.isIPv4 ? AF_INET : AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
  let status = address.withSystemAddress { connect(descriptor, $0, $1) }
  precondition(status == 0)
  return descriptor
}
