import Basics

/// One client of a `RequestServer`: its request, then the answer, then its end.
final class RequestExchange {
  private enum State {
    case reading
    case writing
    /// Everything is said. What the client still sends is read and dropped: closing on unread bytes resets a TCP
    /// connection, and the answer could be lost with that.
    case draining
    case closed
  }

  private static let step = 4_096

  private let stream: PlainStream
  private let requestLimit: Int
  private let answer: (UnsafeRawBufferPointer) -> [UInt8]?
  private var ended: ((RequestExchange) -> Void)?
  private var watcher: StreamWatcher?
  private var timer: LoopTimer?
  private var state = State.reading
  private var request: [UInt8] = []
  private var reply: [UInt8] = []
  private var sent = 0

  /// `ended` is called once, unless `close()` comes first.
  init(
    _ loop: EventLoop, _ stream: PlainStream, requestLimit: Int, limit: Interval,
    answer: @escaping (UnsafeRawBufferPointer) -> [UInt8]?, ended: @escaping (RequestExchange) -> Void
  ) {
    self.stream = stream
    self.requestLimit = requestLimit
    self.answer = answer
    self.ended = ended
    watcher = StreamWatcher(
      loop, stream, readable: { [weak self] in self?.read() }, writable: { [weak self] in self?.write() })
    timer = loop.makeTimer { [weak self] in self?.end() }
    timer?.arm(after: limit)
    watcher?.wantsRead = true
  }

  deinit { close() }

  /// Lets go of the client.
  func close() {
    state = .closed
    ended = nil
    timer = nil
    watcher?.cancel()
    watcher = nil
    stream.close()
  }

  private func end() {
    let ended = ended
    close()
    ended?(self)
  }

  private func read() {
    let room = state == .reading ? min(Self.step, requestLimit - request.count) : Self.step
    let (isOver, bytes) = withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) {
      buffer -> (Bool, [UInt8]) in
      do throws(StreamError) {
        switch try stream.read(into: buffer) {
        case .bytes(let count): return (false, [UInt8](buffer[..<count]))
        case .wouldBlock: return (false, [])
        case .end: return (true, [])
        }
      } catch {
        return (true, [])
      }
    }
    guard !isOver else { return end() }
    guard state == .reading, !bytes.isEmpty else { return }
    request += bytes
    guard let reply = request.withUnsafeBytes({ answer($0) }) else {
      if request.count == requestLimit { end() }
      return
    }
    self.reply = reply
    state = .writing
    watcher?.wantsRead = false
    write()
  }

  private func write() {
    guard state == .writing else { return }
    do throws(StreamError) {
      while sent < reply.count {
        let count = try reply[sent...].withUnsafeBufferPointer { (bytes) throws(StreamError) in
          try stream.write(UnsafeRawBufferPointer(bytes))
        }
        guard count > 0 else {
          watcher?.wantsWrite = true
          return
        }
        sent += count
      }
    } catch {
      return end()
    }
    state = .draining
    stream.finishWriting()
    watcher?.wantsWrite = false
    watcher?.wantsRead = true
  }
}
