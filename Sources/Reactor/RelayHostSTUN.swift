import Basics
import Relaying
import Wire

/// Answers STUN requests on a UDP socket.
final class RelayHostSTUN {
  private let socket: UDPSocket

  var address: SocketAddress { socket.address }

  init(_ loop: EventLoop, _ address: SocketAddress) throws(ReactorError) {
    socket = try UDPSocket(loop, address) { socket, datagram, peer in
      let ip =
        peer.isIPv4 ? IPAddress(ipv4: UInt32(truncatingIfNeeded: peer.ip.low)) : IPAddress(ipv6: peer.ip)
      let source = IPEndpoint(address: ip, port: peer.port)
      guard let answer = STUNResponder.response(to: UnsafeRawBufferPointer(datagram), from: source) else {
        return
      }
      answer.withUnsafeBytes { _ = socket.send($0, to: peer) }
    }
  }

  func close() { socket.close() }
}
