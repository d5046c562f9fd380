import Basics
import Glibc
import Reactor
import Wire

/// A PCP server on loopback that answers as a test wants.
final class StubPCPServer {
  private(set) var requests: [PCPRequest] = []
  /// Where the last one came from.
  private(set) var client: SocketAddress?
  private var socket: UDPSocket?
  /// Makes the answers to a request; `requests` holds it already.
  var answer: (PCPRequest) -> [[UInt8]]

  init(_ loop: EventLoop, answer: @escaping (PCPRequest) -> [[UInt8]]) throws {
    self.answer = answer
    socket = try UDPSocket(loop, try SocketAddress(parsing: "127.0.0.1:0")) {
      [weak self] socket, bytes, peer in
      guard let self, let request = try? PCPRequest.parse(UnsafeRawBufferPointer(bytes)) else { return }
      requests.append(request)
      client = peer
      for answer in self.answer(request) { answer.withUnsafeBytes { _ = socket.send($0, to: peer) } }
    }
  }

  var port: UInt16 { socket?.address.port ?? 0 }

  /// The MAP requests among those that came.
  var maps: [(mapping: PCPMapping, lifetime: UInt32)] {
    requests.compactMap { request in
      if case .map(let mapping) = request.operation { (mapping, request.lifetime) } else { nil }
    }
  }

  /// A good answer: `external` is granted for as long as was asked for.
  static func grant(_ request: PCPRequest, _ external: String, epoch: UInt32 = 100) -> [UInt8] {
    guard case .map(var mapping) = request.operation, let endpoint = IPEndpoint(external) else {
      return PCPResponse(.announce, result: .success, epoch: epoch).serialized()
    }
    mapping.external = endpoint
    return PCPResponse(.map(mapping), result: .success, lifetime: request.lifetime, epoch: epoch).serialized()
  }
}
