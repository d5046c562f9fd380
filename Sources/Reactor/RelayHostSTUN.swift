import Basics
import Relaying
import Wire

/// Answers STUN requests on a UDP socket, and from a second one those that want an answer from another port.
final class RelayHostSTUN {
  private let socket: UDPSocket
  private let other: UDPSocket?

  var address: SocketAddress { socket.address }

  /// How many ports after the first are tried for the second socket.
  private static let neighbours: UInt16 = 16

  init(_ loop: EventLoop, _ address: SocketAddress) throws(ReactorError) {
    // Set before the first datagram arrives, for that needs the loop to run.
    var other: UDPSocket?
    socket = try UDPSocket(loop, address) { socket, datagram, peer in
      let answer = STUNResponder.answer(to: UnsafeRawBufferPointer(datagram), from: peer.endpoint)
      guard let answer else { return }
      let source = answer.isFromOtherPort ? other ?? socket : socket
      answer.bytes.withUnsafeBytes { _ = source.send($0, to: peer) }
    }
    other = Self.neighbour(loop, of: socket.address)
    self.other = other
  }

  /// A socket on the next free port; nil when none is free: then every answer leaves from the first. What it
  /// receives is dropped, it only answers for the other.
  private static func neighbour(_ loop: EventLoop, of address: SocketAddress) -> UDPSocket? {
    for distance in 1...neighbours {
      let (port, isOverflow) = address.port.addingReportingOverflow(distance)
      guard !isOverflow else { return nil }
      var candidate = address
      candidate.port = port
      if let socket = try? UDPSocket(loop, candidate, received: { _, _, _ in }) { return socket }
    }
    return nil
  }

  func close() {
    socket.close()
    other?.close()
  }
}
