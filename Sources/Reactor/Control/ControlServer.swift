import Basics
import Glibc
import Wire

/// Tells the user's other processes how this one is doing: one line in, one line out, at a Unix socket.
///
/// Only processes of the same user and of root are answered. The socket's file goes with the server.
public final class ControlServer {
  /// Where the socket is.
  public let path: String
  private let requests: RequestServer

  /// Listens. Sockets that dead processes left in the directory are removed.
  ///
  /// - Parameter status: called on the loop for each question.
  public convenience init(
    _ loop: EventLoop, _ directory: ControlDirectory, name: String, status: @escaping () -> TunnelStatus
  ) throws(ReactorError) {
    try self.init(
      loop, directory, name: name, limit: RequestServer.limit, isTrusted: UnixSocket.isPeerTrusted,
      status: status)
  }

  /// `isTrusted` decides about a connected socket.
  init(
    _ loop: EventLoop, _ directory: ControlDirectory, name: String, limit: Interval,
    isTrusted: @escaping (Int32) -> Bool, status: @escaping () -> TunnelStatus
  ) throws(ReactorError) {
    let path = try directory.socketPath(name)
    self.path = path
    directory.removeAbandoned()
    let requests = RequestServer(loop, requestLimit: ControlRequest.maximumLength, limit: limit) { bytes in
      guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
      switch ControlRequest(rawValue: String(decoding: bytes[..<end], as: UTF8.self)) {
      case .status: return ControlReply.status(status()).line
      case nil: return ControlReply.refused("unknown request").line
      }
    }
    self.requests = requests
    requests.serve(
      try directory.whileLocked { () throws(ReactorError) in
        try Listener(loop, unixPath: path) { [weak requests] descriptor, _ in
          guard let requests, isTrusted(descriptor) else {
            Glibc.close(descriptor)
            return
          }
          requests.take(descriptor)
        }
      })
  }

  /// Stops listening and removes the socket.
  public func close() { requests.close() }

  /// How many clients are being served.
  var clientCount: Int { requests.clientCount }
}
