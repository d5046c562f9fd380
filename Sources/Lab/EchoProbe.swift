import Basics
import CNamespaces
import Glibc
import Reactor

/// Echo requests from one host to an address, answered by the kernel of the other: how long the queue on the way is.
final class EchoProbe {
  /// The round trips measured so far, in seconds.
  private(set) var roundTrips: [Double] = []

  private let loop: EventLoop
  private let descriptor: Int32
  private let target: SocketAddress
  private var sentAt: [UInt16: Instant] = [:]
  private var sequence: UInt16 = 0
  private var watcher: IOWatcher?
  private var timer: LoopTimer?

  /// Begins at once, one request each `interval`.
  init(_ loop: EventLoop, _ host: NetworkNamespace, to address: String, each interval: Interval) throws {
    guard let target = SocketAddress(literal: address, port: 0) else {
      throw LabError("no address \(address)")
    }
    self.loop = loop
    self.target = target
    // Without it even root gets no datagram socket for echo requests.
    try host.set("ipv4/ping_group_range", "0 2147483647")
    descriptor = try host.inside { socket(AF_INET, Int32(SOCK_DGRAM.rawValue), Int32(IPPROTO_ICMP)) }
    guard descriptor >= 0 else { throw LabError.system("socket for echo requests") }
    watcher = loop.watch(descriptor) { [unowned self] _ in receive() }
    watcher?.interest = .readable
    timer = loop.makeTimer { [unowned self] in
      send()
      timer?.arm(after: interval)
    }
    timer?.arm(after: .zero)
  }

  deinit {
    timer?.disarm()
    watcher?.cancel()
    close(descriptor)
  }

  /// RFC 792: type, code, checksum (the kernel's affair), identifier (likewise), sequence number.
  private func send() {
    sequence &+= 1
    sentAt[sequence] = loop.now
    let packet: [UInt8] = [8, 0, 0, 0, 0, 0, UInt8(sequence >> 8), UInt8(sequence & 0xFF)]
    _ = target.withSystemAddress { sendto(descriptor, packet, packet.count, Int32(MSG_DONTWAIT), $0, $1) }
  }

  private func receive() {
    var packet = [UInt8](repeating: 0, count: 64)
    while recv(descriptor, &packet, packet.count, Int32(MSG_DONTWAIT)) >= 8 {
      let number = UInt16(packet[6]) << 8 | UInt16(packet[7])
      guard packet[0] == 0, let sent = sentAt.removeValue(forKey: number) else { continue }
      roundTrips.append((loop.now - sent).inSeconds)
    }
  }
}
