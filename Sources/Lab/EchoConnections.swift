import Basics
import Glibc
import Reactor

/// A TCP service that says everything again.
final class EchoService {
  private final class Connection {
    let descriptor: Int32
    var watcher: IOWatcher?
    var pending: [UInt8] = []

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit {
      watcher?.cancel()
      close(descriptor)
    }
  }

  private var listener: Listener?
  private var connections: [Int32: Connection] = [:]

  init(_ loop: EventLoop, _ namespace: NetworkNamespace, port: UInt16) throws {
    listener = try namespace.inside {
      do throws(ReactorError) {
        return try Listener(loop, SocketAddress(ipv4: 0x7F00_0001, port: port)) {
          [unowned self] descriptor, _ in
          let connection = Connection(descriptor)
          connections[descriptor] = connection
          connection.watcher = loop.watch(descriptor) { [unowned self] _ in move(descriptor) }
          connection.watcher?.interest = .readable
        }
      } catch {
        throw LabError("\(error)")
      }
    }
  }

  private func move(_ descriptor: Int32) {
    guard let connection = connections[descriptor] else { return }
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while connection.pending.count < 1 << 20 {
      let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if count > 0 {
        connection.pending += buffer[..<count]
      } else if count == 0 || errno != EAGAIN {
        connections[descriptor] = nil
        return
      } else {
        break
      }
    }
    let sent = send(
      descriptor, connection.pending, connection.pending.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
    if sent > 0 { connection.pending.removeFirst(sent) }
    connection.watcher?.interest = connection.pending.isEmpty ? .readable : [.readable, .writable]
  }
}

/// A connection that asks a numbered question whenever the last one was answered, and connects again when it is lost.
final class EchoConnection {
  let number: Int
  private(set) var answers = 0
  /// When the question was asked that was answered last.
  private(set) var lastAnswered: Instant?
  private(set) var losses = 0
  private(set) var isWrong = false

  private let loop: EventLoop
  private let namespace: NetworkNamespace
  private let address: SocketAddress
  private var descriptor: Int32 = -1
  private var watcher: IOWatcher?
  private var timer: LoopTimer?
  private var askedAt = Instant.zero
  private var question: [UInt8] = []
  private var received: [UInt8] = []
  private var isConnected = false
  private var hasAnswer = false
  private var sequence: UInt64 = 0

  private static let interval = Interval.milliseconds(50)

  init(_ loop: EventLoop, _ namespace: NetworkNamespace, port: UInt16, number: Int) {
    self.loop = loop
    self.namespace = namespace
    self.number = number
    address = SocketAddress(ipv4: 0x7F00_0001, port: port)
    timer = loop.makeTimer { [unowned self] in tick() }
    timer?.arm(after: .zero)
  }

  deinit { drop() }

  private func tick() {
    if descriptor < 0 { connect() } else { ask() }
  }

  private func connect() {
    received = []
    hasAnswer = false
    descriptor =
      (try? namespace.inside { socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK, 0) }) ?? -1
    isConnected = false
    _ = address.withSystemAddress { Glibc.connect(descriptor, $0, $1) }
    watcher = loop.watch(descriptor) { [unowned self] _ in ready() }
    watcher?.interest = .writable
  }

  private func ask() {
    sequence += 1
    question = withUnsafeBytes(of: (UInt64(number), sequence)) { Array($0) }
    askedAt = loop.now
    if send(descriptor, question, question.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL)) != question.count {
      lose()
    }
  }

  private func ready() {
    if !isConnected {
      var error: Int32 = 0
      var length = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
      guard error == 0 else { return lose() }
      isConnected = true
      watcher?.interest = .readable
      return ask()
    }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    if count < 0, errno == EAGAIN { return }
    guard count > 0 else { return lose() }
    received += buffer[..<count]
    guard received.count >= question.count else { return }
    if received != question { isWrong = true }
    received = []
    answers += 1
    hasAnswer = true
    lastAnswered = askedAt
    timer?.arm(after: Self.interval)
  }

  /// Only a connection on which something was answered counts as lost.
  private func lose() {
    if hasAnswer { losses += 1 }
    drop()
    timer?.arm(after: .milliseconds(100))
  }

  private func drop() {
    watcher?.cancel()
    watcher = nil
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
  }
}
