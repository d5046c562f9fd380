import Basics
import Glibc

/// Joins two descriptors, such as standard input and output, with one end of a pair of sockets, so that they can travel in
/// a stream like any local connection. Each direction ends by itself.
public final class StdioConnection {
  /// As much waits in each direction, in bytes.
  private static let bufferSize = 256 << 10

  /// One direction: what was read and not yet written.
  private final class Direction {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: StdioConnection.bufferSize, alignment: 16)
    var filled = 0..<0
    var isEnded = false
    var isOver = false

    deinit {
      buffer.initializeMemory(as: UInt8.self, repeating: 0)
      buffer.deallocate()
    }

    var room: UnsafeMutableRawBufferPointer {
      if filled.isEmpty { filled = 0..<0 }
      return UnsafeMutableRawBufferPointer(rebasing: buffer[filled.upperBound...])
    }
  }

  private let loop: EventLoop
  private let source: InputSource
  private var sink: OutputSink?
  /// This side's end; the other one belongs to the stream.
  private var inner: Int32
  private var watcher: IOWatcher?
  private let outgoing = Direction()
  private let incoming = Direction()
  private let ended: (FileError?) -> Void
  private var hasEnded = false

  /// The end that is to be given to a tunnel. Whoever takes it owns it.
  public private(set) var outer: Int32

  /// `ended` is called once, when the other side has finished and everything is written, or when reading or writing
  /// failed.
  public init(
    _ loop: EventLoop, input: Int32, output: Int32, ended: @escaping (FileError?) -> Void
  ) throws(FileError) {
    self.loop = loop
    self.ended = ended
    var pair: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0, &pair) == 0 else {
      throw .from("a pair of sockets", code: errno)
    }
    (inner, outer) = (pair[0], pair[1])
    source = try InputSource(loop, descriptor: input, name: "standard input")
    sink = try OutputSink(loop, descriptor: output, name: "standard output") { [weak self] in self?.pump() }
    source.readable = { [weak self] in self?.pump() }
    watcher = loop.watch(inner) { [weak self] _ in self?.pump() }
    loop.defer { [weak self] in self?.pump() }
  }

  deinit { close() }

  private func pump() {
    guard !hasEnded else { return }
    do throws(FileError) {
      while try moveOut() {}
      while try moveIn() {}
    } catch {
      return end(error)
    }
    guard !hasEnded else { return }
    var interest: IOEvents = []
    if !incoming.isEnded, incoming.filled.isEmpty { interest.insert(.readable) }
    if !outgoing.filled.isEmpty { interest.insert(.writable) }
    watcher?.interest = interest
    source.wantsRead = !outgoing.isEnded && outgoing.filled.isEmpty
    sink?.wantsWrite = !incoming.filled.isEmpty
  }

  /// From the input to the tunnel; whether anything moved.
  private func moveOut() throws(FileError) -> Bool {
    var hasMoved = false
    if !outgoing.isEnded, outgoing.filled.isEmpty {
      switch try source.read(into: outgoing.room) {
      case .bytes(let count):
        outgoing.filled = 0..<count
        hasMoved = true
      case .wouldBlock: break
      case .end: outgoing.isEnded = true
      }
    }
    while !outgoing.filled.isEmpty {
      let rest = UnsafeRawBufferPointer(rebasing: outgoing.buffer[outgoing.filled])
      let count = send(inner, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        // The tunnel takes nothing more; what it still says counts.
        if errno != EAGAIN {
          outgoing.filled = 0..<0
          outgoing.isEnded = true
        }
        break
      }
      hasMoved = true
      outgoing.filled = outgoing.filled.lowerBound + count..<outgoing.filled.upperBound
    }
    if outgoing.isEnded, outgoing.filled.isEmpty, !outgoing.isOver {
      outgoing.isOver = true
      shutdown(inner, Int32(SHUT_WR))
    }
    return hasMoved
  }

  /// From the tunnel to the output; whether anything moved.
  private func moveIn() throws(FileError) -> Bool {
    var hasMoved = false
    if !incoming.isEnded, incoming.filled.isEmpty {
      let room = incoming.room
      let count = recv(inner, room.baseAddress, room.count, 0)
      if count > 0 {
        incoming.filled = 0..<count
        hasMoved = true
      } else if count == 0 || errno != EAGAIN && errno != EINTR {
        incoming.isEnded = true
      }
    }
    while let sink, !incoming.filled.isEmpty {
      let count = try sink.write(UnsafeRawBufferPointer(rebasing: incoming.buffer[incoming.filled]))
      guard count > 0 else { break }
      hasMoved = true
      incoming.filled = incoming.filled.lowerBound + count..<incoming.filled.upperBound
    }
    if incoming.isEnded, incoming.filled.isEmpty { end(nil) }
    return hasMoved && !hasEnded
  }

  private func end(_ error: FileError?) {
    guard !hasEnded else { return }
    hasEnded = true
    close()
    // The loop may be in the middle of one of our callbacks.
    loop.defer { [self] in ended(error) }
  }

  private func close() {
    watcher?.cancel()
    watcher = nil
    if inner >= 0 { Glibc.close(inner) }
    inner = -1
    source.close()
  }
}
