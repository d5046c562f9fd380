import Basics
import Glibc
import Wire

/// Serves a tunnel's metrics to a collector on this machine: `GET /metrics` over HTTP/1, nothing else.
public final class MetricsServer {
  /// Where it listens, with the real port where 0 was asked for.
  public let address: SocketAddress
  private let requests: RequestServer

  /// The longest head of a request, in bytes.
  private static let maximumHeadLength = 8_192

  /// Listens; only a loopback address is taken, for who can connect can read.
  ///
  /// - Parameter status: called on the loop for each request.
  public convenience init(
    _ loop: EventLoop, _ address: SocketAddress, status: @escaping () -> TunnelStatus
  ) throws(ReactorError) {
    try self.init(loop, address, limit: RequestServer.limit, status: status)
  }

  init(
    _ loop: EventLoop, _ address: SocketAddress, limit: Interval, status: @escaping () -> TunnelStatus
  ) throws(ReactorError) {
    guard address.isLoopback else {
      throw .unfit("metrics are served at a loopback address only, such as 127.0.0.1:9100, not at \(address)")
    }
    let requests = RequestServer(loop, requestLimit: Self.maximumHeadLength, limit: limit) {
      Self.answer(to: $0, status)
    }
    self.requests = requests
    let listener = try Listener(loop, address) { [weak requests] descriptor, _ in
      if let requests { requests.take(descriptor) } else { Glibc.close(descriptor) }
    }
    self.address = listener.address
    requests.serve(listener)
  }

  /// Stops listening.
  public func close() { requests.close() }

  /// How many clients are being served.
  var clientCount: Int { requests.clientCount }

  private static func answer(to bytes: UnsafeRawBufferPointer, _ status: () -> TunnelStatus) -> [UInt8]? {
    do throws(DERPUpgradeError) {
      guard let (head, _) = try HTTPRequestHead.parse(bytes, limit: maximumHeadLength) else { return nil }
      // A name that a browser was made to believe is ours must not let a web page read this.
      guard head.header("Host").map(isLocal) ?? true else { return refusal(403, "Forbidden") }
      guard head.path == "/metrics" else { return refusal(404, "Not Found") }
      guard head.method == "GET" else {
        return refusal(405, "Method Not Allowed", [(name: "Allow", value: "GET")])
      }
      return DERPUpgrade.response(
        status: 200, reason: "OK", headers: [(name: "Content-Type", value: MetricsText.contentType)],
        body: MetricsText.document(status()))
    } catch {
      switch error {
      case .tooLong: return refusal(431, "Request Header Fields Too Large")
      case .notHTTP, .malformed: return refusal(400, "Bad Request")
      }
    }
  }

  private static func refusal(
    _ status: Int, _ reason: String, _ headers: [(name: String, value: String)] = []
  ) -> [UInt8] {
    DERPUpgrade.response(
      status: status, reason: reason,
      headers: headers + [(name: "Content-Type", value: "text/plain; charset=utf-8")], body: "\(reason)\n")
  }

  /// Whether the value of a Host field is an address of the loopback interface, or its name.
  private static func isLocal(_ host: String) -> Bool {
    if case .tcp(let name, _)? = ServiceAddress(host), name == "localhost" { return true }
    if host == "localhost" { return true }
    let bracketed = host.hasPrefix("[") && host.hasSuffix("]")
    let literal = bracketed ? String(host.dropFirst().dropLast()) : host
    let address = SocketAddress(literal: literal, port: 80) ?? (try? SocketAddress(parsing: host))
    return address?.isLoopback ?? false
  }
}
