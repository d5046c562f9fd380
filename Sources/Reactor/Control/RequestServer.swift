import Basics
import Glibc

/// Takes connections that bring one small request each, get one answer and end.
///
/// Nothing that a client does or leaves undone costs more than a place for a few seconds: requests, clients and times
/// are bounded. Who comes while all places are taken waits in the kernel's queue.
final class RequestServer {
  /// How many clients are served at once.
  static let maximumClients = 8
  /// How long a client may take for everything.
  static let limit = Interval.seconds(5)

  private let loop: EventLoop
  private let limit: Interval
  private let requestLimit: Int
  private let answer: (UnsafeRawBufferPointer) -> [UInt8]?
  private var exchanges: [ObjectIdentifier: RequestExchange] = [:]
  private var listener: Listener?

  /// - Parameters:
  ///   - requestLimit: the longest request, in bytes.
  ///   - answer: gets what has come of a request, from its start; nil when that is not all of it.
  init(
    _ loop: EventLoop, requestLimit: Int, limit: Interval = RequestServer.limit,
    answer: @escaping (UnsafeRawBufferPointer) -> [UInt8]?
  ) {
    self.loop = loop
    self.limit = limit
    self.requestLimit = requestLimit
    self.answer = answer
  }

  deinit { close() }

  /// How many clients are being served.
  var clientCount: Int { exchanges.count }

  /// Serves those that the listener accepts and hands to `take`; the listener is closed with the server.
  func serve(_ listener: Listener) { self.listener = listener }

  /// Serves a connected socket, which becomes the server's.
  func take(_ descriptor: Int32) {
    let exchange = RequestExchange(
      loop, PlainStream(descriptor: descriptor), requestLimit: requestLimit, limit: limit, answer: answer
    ) { [weak self] in self?.ended($0) }
    exchanges[ObjectIdentifier(exchange)] = exchange
    listener?.isPaused = exchanges.count >= Self.maximumClients
  }

  /// Stops listening and lets go of everybody.
  func close() {
    listener?.close()
    listener = nil
    for exchange in exchanges.values { exchange.close() }
    exchanges = [:]
  }

  private func ended(_ exchange: RequestExchange) {
    exchanges[ObjectIdentifier(exchange)] = nil
    listener?.isPaused = false
  }
}
