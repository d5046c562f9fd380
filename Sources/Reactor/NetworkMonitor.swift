import Basics
import CSockets
import Glibc
import Wire

/// Tells when this machine's addresses or its way into the Internet change.
///
/// Changes come in bursts (an interface goes, its addresses and routes with it), so that they are looked at when
/// they have been quiet for a moment. Where the kernel gives no routing socket nothing is ever reported.
public final class NetworkMonitor {
  /// How long the kernel has to be quiet.
  static let quiet = Interval.milliseconds(100)
  /// The longest that a restless kernel is waited for.
  static let patience = Interval.milliseconds(500)
  private static let bufferSize = 32_768
  /// How many messages one wake-up takes.
  private static let readsPerTurn = 64
  /// How many default routes are remembered.
  private static let routeLimit = 64

  private let loop: EventLoop
  private let includingLoopback: Bool
  private let changed: ([IPAddress]) -> Void
  private var descriptor: Int32 = -1
  private var watcher: IOWatcher?
  private var timer: LoopTimer?
  private var firstNote: Instant?
  private var routes: [RouteMessage.DefaultRoute] = []
  private var routeChanged = false
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferSize, alignment: 16)

  /// The addresses as they were last looked at; see `InterfaceAddresses.current`.
  public private(set) var addresses: [IPAddress]

  /// Looks at the addresses and begins to watch. `changed` is called on the loop with the addresses when they, or
  /// a default route, have changed.
  public init(_ loop: EventLoop, includingLoopback: Bool = false, changed: @escaping ([IPAddress]) -> Void) {
    self.loop = loop
    self.includingLoopback = includingLoopback
    self.changed = changed
    let socket = Self.open()
    descriptor = socket ?? -1
    // Looked at when the socket is already listening: nothing is missed in between.
    addresses = InterfaceAddresses.current(includingLoopback: includingLoopback)
    guard let socket else { return }
    timer = loop.makeTimer { [weak self] in self?.look() }
    watcher = loop.watch(socket) { [weak self] _ in self?.readable() }
    watcher?.interest = .readable
  }

  deinit {
    close()
    buffer.deallocate()
  }

  /// Stops; `changed` is not called any more.
  public func close() {
    timer = nil
    watcher?.cancel()
    watcher = nil
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  private static func open() -> Int32? {
    let type = Int32(SOCK_RAW.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_NETLINK, type, NETLINK_ROUTE)
    guard descriptor >= 0 else { return nil }
    var address = sockaddr_nl()
    address.nl_family = sa_family_t(AF_NETLINK)
    for group in [
      RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_ROUTE,
    ] {
      address.nl_groups |= UInt32(group)
    }
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
      }
    }
    guard status == 0 else {
      Glibc.close(descriptor)
      return nil
    }
    return descriptor
  }

  private func readable() {
    var isNews = false
    for _ in 0..<Self.readsPerTurn {
      var source = sockaddr_nl()
      var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
      let count = withUnsafeMutablePointer(to: &source) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT), $0, &length)
        }
      }
      guard count >= 0 else {
        if errno == EINTR { continue }
        // The kernel dropped messages: whatever they said may have changed.
        if errno == ENOBUFS {
          isNews = true
          routeChanged = true
        }
        break
      }
      // Other processes may write to this socket too; only port 0 is the kernel.
      guard source.nl_pid == 0 else { continue }
      for message in RouteMessage.parse(UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
        if note(message) { isNews = true }
      }
    }
    guard isNews else { return }
    let now = loop.now
    let first = firstNote ?? now
    firstNote = first
    timer?.arm(at: min(now + Self.quiet, first + Self.patience))
  }

  /// Takes a message; whether it is worth looking at the addresses.
  private func note(_ message: RouteMessage) -> Bool {
    switch message {
    case .interface: return true
    case .defaultRouteAdded(let route):
      if routes.contains(route) { return false }
      if routes.count == Self.routeLimit { routes.removeFirst() }
      routes.append(route)
    case .defaultRouteRemoved(let route): routes.removeAll { $0 == route }
    }
    routeChanged = true
    return true
  }

  private func look() {
    firstNote = nil
    let current = InterfaceAddresses.current(includingLoopback: includingLoopback)
    guard routeChanged || Set(current) != Set(addresses) else { return }
    routeChanged = false
    addresses = current
    changed(current)
  }
}
