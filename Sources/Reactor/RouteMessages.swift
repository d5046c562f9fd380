import CSockets
import Glibc

/// Reads what the kernel says on a routing socket (rtnetlink(7)), as far as a session cares.
enum RouteMessage: Hashable {
  /// An interface or one of its addresses came, went or changed.
  case interface
  /// A way to everywhere came.
  case defaultRouteAdded(DefaultRoute)
  /// A way to everywhere went.
  case defaultRouteRemoved(DefaultRoute)

  /// What makes two default routes the same; a mere renewal of its lifetime changes none of it.
  struct DefaultRoute: Hashable {
    var family: UInt8
    var table: UInt8
    var interface: UInt32 = 0
    var metric: UInt32 = 0
    var gateway: [UInt8] = []
  }

  private static let headerSize = MemoryLayout<nlmsghdr>.size
  private static let routeSize = MemoryLayout<rtmsg>.size

  /// Takes a datagram of the routing socket apart. Whatever is malformed ends it.
  static func parse(_ bytes: UnsafeRawBufferPointer) -> [RouteMessage] {
    var messages: [RouteMessage] = []
    var rest = bytes[...]
    while rest.count >= headerSize {
      let header = rest.loadUnaligned(as: nlmsghdr.self)
      let length = Int(header.nlmsg_len)
      guard length >= headerSize, length <= rest.count else { break }
      let body = UnsafeRawBufferPointer(rebasing: rest.prefix(length).dropFirst(headerSize))
      switch Int(header.nlmsg_type) {
      case RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR: messages.append(.interface)
      case RTM_NEWROUTE: if let route = defaultRoute(body) { messages.append(.defaultRouteAdded(route)) }
      case RTM_DELROUTE: if let route = defaultRoute(body) { messages.append(.defaultRouteRemoved(route)) }
      default: break
      }
      rest = rest.dropFirst(aligned(length))
    }
    return messages
  }

  /// The route of a message's body if it leads everywhere.
  private static func defaultRoute(_ body: UnsafeRawBufferPointer) -> DefaultRoute? {
    guard body.count >= routeSize else { return nil }
    let route = body.loadUnaligned(as: rtmsg.self)
    guard route.rtm_dst_len == 0, Int(route.rtm_type) == RTN_UNICAST else { return nil }
    var result = DefaultRoute(family: route.rtm_family, table: route.rtm_table)
    var rest = body[routeSize...]
    let attributeSize = MemoryLayout<rtattr>.size
    while rest.count >= attributeSize {
      let attribute = rest.loadUnaligned(as: rtattr.self)
      let length = Int(attribute.rta_len)
      guard length >= attributeSize, length <= rest.count else { break }
      let value = rest.prefix(length).dropFirst(attributeSize)
      switch rtattr_type_t(UInt32(attribute.rta_type)) {
      case RTA_OIF where value.count == 4: result.interface = value.loadUnaligned(as: UInt32.self)
      case RTA_PRIORITY where value.count == 4: result.metric = value.loadUnaligned(as: UInt32.self)
      case RTA_GATEWAY, RTA_VIA: result.gateway = Array(value)
      default: break
      }
      rest = rest.dropFirst(aligned(length))
    }
    return result
  }

  private static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
}

extension Slice<UnsafeRawBufferPointer> {
  fileprivate func loadUnaligned<T: BitwiseCopyable>(as type: T.Type) -> T {
    UnsafeRawBufferPointer(rebasing: self).loadUnaligned(as: type)
  }
}
