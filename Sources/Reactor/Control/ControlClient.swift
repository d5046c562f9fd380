import Basics
import Glibc
import Wire

/// Why a control socket gave no status.
public enum ControlFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// Nobody listens there, or the socket may not be used; the text says why.
  case unreachable(String)
  /// Nothing came, or nothing complete within the time.
  case noAnswer
  /// What came is no answer of this program.
  case malformed
  /// The process does not want to answer; a text of its own, for people.
  case refused(String)

  public var description: String {
    switch self {
    case .unreachable(let reason): "not reachable: \(reason)"
    case .noAnswer: "no answer"
    case .malformed: "not an answer of derptun"
    case .refused(let reason): "refused: \(reason)"
    }
  }
}

/// Asks one control socket for its status. Dropping it gives up.
public final class ControlClient {
  /// How long everything may take.
  public static let limit = Interval.seconds(5)
  private static let step = 65_536

  private let loop: EventLoop
  private var completion: ((Result<TunnelStatus, ControlFailure>) -> Void)?
  private var dialer: ServiceDialer?
  private var stream: PlainStream?
  private var watcher: StreamWatcher?
  private var timer: LoopTimer?
  private var answer: [UInt8] = []

  /// `completion` is called once, from the loop.
  public init(
    _ loop: EventLoop, path: String, limit: Interval = ControlClient.limit,
    completion: @escaping (Result<TunnelStatus, ControlFailure>) -> Void
  ) {
    self.loop = loop
    self.completion = completion
    timer = loop.makeTimer { [weak self] in self?.end(.failure(.noAnswer)) }
    timer?.arm(after: limit)
    guard path.utf8.count <= UnixSocket.maximumPathLength else {
      loop.defer { [weak self] in self?.end(.failure(.unreachable("the path is too long"))) }
      return
    }
    dialer = ServiceDialer(loop, .unix(path: path), limit: limit) { [weak self] descriptor, reason in
      guard let self else {
        if let descriptor { close(descriptor) }
        return
      }
      if let descriptor { connected(descriptor) } else { end(.failure(.unreachable(reason))) }
    }
  }

  deinit { drop() }

  private func connected(_ descriptor: Int32) {
    let stream = PlainStream(descriptor: descriptor)
    self.stream = stream
    guard UnixSocket.isPeerTrusted(descriptor) else {
      return end(.failure(.unreachable("the process there is another user's")))
    }
    // A new socket has room for these few bytes.
    let request = ControlRequest.status.line
    let sent = request.withUnsafeBytes { (try? stream.write($0)) ?? 0 }
    guard sent == request.count else { return end(.failure(.noAnswer)) }
    watcher = StreamWatcher(loop, stream, readable: { [weak self] in self?.read() }, writable: {})
    watcher?.wantsRead = true
  }

  private func read() {
    guard let stream else { return }
    var chunk = [UInt8](repeating: 0, count: Self.step)
    do throws(StreamError) {
      let result = try chunk.withUnsafeMutableBufferPointer { (buffer) throws(StreamError) in
        try stream.read(into: UnsafeMutableRawBufferPointer(buffer))
      }
      switch result {
      case .bytes(let count):
        answer += chunk[..<count]
        if answer.count > ControlReply.maximumLength { end(.failure(.malformed)) }
      case .wouldBlock: break
      case .end: end(answer.isEmpty ? .failure(.noAnswer) : parsed())
      }
    } catch {
      end(.failure(.unreachable(error.description)))
    }
  }

  private func parsed() -> Result<TunnelStatus, ControlFailure> {
    do throws(JSONError) {
      switch try ControlReply(parsing: answer) {
      case .status(let status): return .success(status)
      case .refused(let reason): return .failure(.refused(reason))
      }
    } catch {
      return .failure(.malformed)
    }
  }

  private func end(_ result: Result<TunnelStatus, ControlFailure>) {
    let completion = completion
    drop()
    completion?(result)
  }

  private func drop() {
    completion = nil
    timer = nil
    dialer = nil
    watcher?.cancel()
    watcher = nil
    stream?.close()
    stream = nil
  }
}
