import Glibc
import Wire

/// The way out of this network: the router that a port mapping is asked of, and our address towards it.
public struct DefaultRoute: Hashable, Sendable {
  /// The router's address on our side.
  public var gateway: IPAddress
  /// The address that packets to the router leave from.
  public var local: IPAddress

  /// Looks up the default IPv4 route of the calling thread's network namespace; nil when there is none, or it
  /// goes to a link without a gateway.
  public static func current() -> DefaultRoute? {
    // /proc/net is the main thread's; a thread may be in another namespace.
    guard let table = try? SmallFile.read("/proc/thread-self/net/route", limit: 1 << 20),
      let gateway = gateway(inTable: String(decoding: table, as: UTF8.self)),
      let local = address(towards: gateway)
    else { return nil }
    return DefaultRoute(gateway: gateway, local: local)
  }

  private static let flagUp: UInt32 = 0x1
  private static let flagGateway: UInt32 = 0x2
  private static let flagReject: UInt32 = 0x200

  /// The gateway of the best default route in a table as `/proc/net/route` prints it: columns Iface,
  /// Destination, Gateway, Flags, RefCnt, Use, Metric, Mask, …, addresses as the hexadecimal value of the four
  /// bytes in memory. Nil as well when the best one has no gateway: packets do not pass a router of this link.
  static func gateway(inTable text: String) -> IPAddress? {
    var best: (metric: UInt32, gateway: IPAddress?)?
    for line in text.split(separator: "\n").dropFirst() {
      let fields = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
      guard fields.count >= 8, let destination = UInt32(fields[1], radix: 16),
        let gateway = UInt32(fields[2], radix: 16), let flags = UInt32(fields[3], radix: 16),
        let metric = UInt32(fields[6]), let mask = UInt32(fields[7], radix: 16)
      else { continue }
      guard destination == 0, mask == 0, flags & flagUp != 0, flags & flagReject == 0 else { continue }
      if let best, best.metric <= metric { continue }
      let hasGateway = flags & flagGateway != 0 && gateway != 0
      best = (metric, hasGateway ? IPAddress(ipv4: UInt32(bigEndian: gateway)) : nil)
    }
    return best?.gateway
  }

  /// The source address that the kernel chooses towards `gateway`. Sends nothing.
  private static func address(towards gateway: IPAddress) -> IPAddress? {
    let peer = SocketAddress(gateway, port: PCP.serverPort)
    guard let descriptor = try? Socket.make(peer, SOCK_DGRAM) else { return nil }
    defer { close(descriptor) }
    guard peer.withSystemAddress({ connect(descriptor, $0, $1) }) == 0,
      let address = try? Socket.localAddress(of: descriptor).endpoint.address, !address.isUnspecified
    else { return nil }
    return address
  }
}
