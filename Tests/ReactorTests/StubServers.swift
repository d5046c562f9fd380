import Basics
import Glibc
import Reactor

/// Moves bytes between two streams until one ends; what a proxy does once it has agreed.
final class Splice {
  private let first: any ByteStream
  private let second: any ByteStream
  private var watchers: [StreamWatcher] = []
  private var toFirst: [UInt8] = []
  private var toSecond: [UInt8] = []

  init(_ loop: EventLoop, _ first: any ByteStream, _ second: any ByteStream) {
    self.first = first
    self.second = second
    for stream in [first, second] {
      let watcher = StreamWatcher(loop, stream) { [weak self] in
        self?.move()
      } writable: { [weak self] in
        self?.move()
      }
      watchers.append(watcher)
      watcher.wantsRead = true
    }
  }

  private func move() {
    guard pull(first, &toSecond), pull(second, &toFirst), push(first, &toFirst), push(second, &toSecond)
    else {
      for watcher in watchers { watcher.cancel() }
      first.close()
      second.close()
      return
    }
    watchers[0].wantsWrite = !toFirst.isEmpty
    watchers[1].wantsWrite = !toSecond.isEmpty
    watchers[0].wantsRead = toSecond.count < 1 << 20
    watchers[1].wantsRead = toFirst.count < 1 << 20
  }

  private func pull(_ stream: any ByteStream, _ queue: inout [UInt8]) -> Bool {
    guard queue.count < 1 << 20 else { return true }
    guard let (result, bytes) = try? take(100_000, from: stream) else { return false }
    queue += bytes
    return result != .end || !queue.isEmpty
  }

  private func push(_ stream: any ByteStream, _ queue: inout [UInt8]) -> Bool {
    guard !queue.isEmpty else { return true }
    guard let count = try? put(queue, to: stream) else { return false }
    queue.removeFirst(count)
    return true
  }
}

/// A proxy on loopback that speaks CONNECT or SOCKS 5 and notes what it was asked for.
final class ProxyStub {
  enum Kind { case connect(status: Int), socks }
  private let loop: EventLoop
  private let kind: Kind
  private let target: SocketAddress
  private var listener: Listener?
  private var clients: [AnyObject] = []
  /// What clients asked for: request heads, or SOCKS host names.
  private(set) var requests: [String] = []
  var port: UInt16 { listener?.address.port ?? 0 }

  /// Whatever is asked for, `target` is what the tunnel leads to.
  init(_ loop: EventLoop, _ kind: Kind, target: SocketAddress, credentials: TLSServerCredentials? = nil)
    throws
  {
    self.loop = loop
    self.kind = kind
    self.target = target
    listener = try Listener(loop, try SocketAddress(parsing: "127.0.0.1:0")) { [unowned self] descriptor, _ in
      let stream: any ByteStream =
        if let credentials {
          try! TLSServerStream(descriptor: descriptor, credentials: credentials)
        } else {
          PlainStream(descriptor: descriptor)
        }
      serve(stream)
    }
  }

  private func serve(_ stream: any ByteStream) {
    var input: [UInt8] = []
    var greeted = false
    var watcher: StreamWatcher?
    watcher = StreamWatcher(loop, stream) { [unowned self] in
      guard let (_, bytes) = try? take(1, from: stream) else { return }
      input += bytes
      var answer: [UInt8]
      switch kind {
      case .connect(let status):
        guard input.suffix(4) == Array("\r\n\r\n".utf8) else { return }
        requests.append(String(decoding: input, as: UTF8.self))
        answer = Array("HTTP/1.1 \(status) Whatever\r\n\r\n".utf8)
        _ = try? put(answer, to: stream)
        guard status == 200 else { return stream.finishWriting() }
      case .socks:
        if !greeted {
          guard input.count >= 2, input.count == 2 + Int(input[1]) else { return }
          greeted = true
          input = []
          _ = try? put([5, 0], to: stream)
          return
        }
        guard input.count >= 5, input.count == 7 + Int(input[4]) else { return }
        requests.append(String(decoding: input[5..<(5 + Int(input[4]))], as: UTF8.self))
        answer = [5, 0, 0, 1, 127, 0, 0, 1, 0, 1]
        _ = try? put(answer, to: stream)
      }
      watcher?.cancel()
      clients.append(Splice(loop, stream, PlainStream(descriptor: blockingConnection(to: target))))
    } writable: {
    }
    watcher?.wantsRead = true
    if let watcher { clients.append(watcher) }
  }
}

/// A server on loopback that sends back what it gets.
final class EchoServer {
  private var listener: Listener?
  private var clients: [AnyObject] = []
  private(set) var streams: [any ByteStream] = []
  var address: SocketAddress { listener!.address }

  init(_ loop: EventLoop, credentials: TLSServerCredentials? = nil) throws {
    listener = try Listener(loop, try SocketAddress(parsing: "127.0.0.1:0")) { [unowned self] descriptor, _ in
      let stream: any ByteStream =
        if let credentials {
          try! TLSServerStream(descriptor: descriptor, credentials: credentials)
        } else {
          PlainStream(descriptor: descriptor)
        }
      streams.append(stream)
      var queue: [UInt8] = []
      var watcher: StreamWatcher?
      func move() {
        do {
          if queue.count < 1 << 20 {
            let (result, bytes) = try take(200_000, from: stream)
            queue += bytes
            if result == .end { stream.finishWriting() }
          }
          if !queue.isEmpty { queue.removeFirst(try put(queue, to: stream)) }
          watcher?.wantsRead = queue.count < 1 << 20
          watcher?.wantsWrite = !queue.isEmpty
        } catch {
          watcher?.cancel()
          stream.close()
        }
      }
      watcher = StreamWatcher(loop, stream, readable: move, writable: move)
      watcher?.wantsRead = true
      if let watcher { clients.append(watcher) }
    }
  }
}
