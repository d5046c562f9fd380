import Glibc

/// Small steps on socket descriptors that several files need.
enum Socket {
  /// A new non-blocking, close-on-exec socket.
  static func make(_ address: SocketAddress, _ type: __socket_type) throws(ReactorError) -> Int32 {
    let flags = Int32(type.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(address.family, flags, 0)
    guard descriptor >= 0 else { throw .system(.last("socket")) }
    return descriptor
  }

  /// A new bound socket and the address it got.
  static func bound(
    _ address: SocketAddress, _ type: __socket_type
  ) throws(ReactorError) -> (descriptor: Int32, address: SocketAddress) {
    let descriptor = try make(address, type)
    // Only across a restart of a listener: two live ones on one address are refused all the same.
    if type == SOCK_STREAM { set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) }
    if !address.isIPv4 { set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
    do throws(ReactorError) {
      guard address.withSystemAddress({ bind(descriptor, $0, $1) }) == 0 else {
        throw ReactorError.system(.last("bind \(type == SOCK_STREAM ? "TCP" : "UDP") \(address)"))
      }
      return (descriptor, try localAddress(of: descriptor))
    } catch {
      Glibc.close(descriptor)
      throw error
    }
  }

  /// Sets an integer option; false when the kernel refuses.
  @discardableResult
  static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) -> Bool {
    var value = value
    return setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
  }

  /// Small writes leave at once, and a peer that vanished is noticed in about two minutes even when idle.
  static func tune(_ descriptor: Int32) {
    set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
    set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 60)
    set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 15)
    set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT, 4)
  }

  /// Closes a TCP connection with a reset instead of an end: who reads the other side must not take what it got for all
  /// there was. A Unix socket knows no such thing and just ends.
  static func closeWithReset(_ descriptor: Int32) {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    Glibc.close(descriptor)
  }

  /// The error that a connection attempt ended with; 0 for success.
  static func pendingError(of descriptor: Int32) -> Int32 {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
  }

  /// The address that the socket is connected to; nil when it is not.
  static func peerAddress(of descriptor: Int32) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) }
    }
    return status == 0 ? SocketAddress(storage) : nil
  }

  /// The address that the socket is bound to.
  static func localAddress(of descriptor: Int32) throws(ReactorError) -> SocketAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    guard status == 0, let address = SocketAddress(storage) else { throw .system(.last("getsockname")) }
    return address
  }

  /// Makes the descriptor non-blocking and close-on-exec. Only for descriptions that nobody else shares.
  static func setNonBlocking(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    let flags = fcntl(descriptor, F_GETFL)
    _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
  }
}
