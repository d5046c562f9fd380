import Foundation
import Testing

/// A connected stream socket of a test.
final class LocalConnection: Sendable {
  let descriptor: Descriptor

  init(_ number: Int32) { descriptor = Descriptor(number) }

  /// Connects to `127.0.0.1:8080` or `unix:/path`.
  convenience init(to address: String) throws {
    let isUnix = address.hasPrefix("unix:")
    let number = socket(
      isUnix ? AF_UNIX : AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw TestFailure("socket: \(String(cString: strerror(errno)))") }
    self.init(number)
    let status = try LocalAddress.with(address) { connect(number, $0, $1) }
    guard status == 0 else { throw TestFailure("connect \(address): \(String(cString: strerror(errno)))") }
  }

  func write(_ bytes: [UInt8]) { descriptor.write(bytes) }
  func read(exactly count: Int) -> [UInt8] { descriptor.read(exactly: count) }
  func readToEnd() -> [UInt8] { descriptor.readToEnd() }
  /// Says that nothing more will be written.
  func finishWriting() { shutdown(descriptor.number, Int32(SHUT_WR)) }
  func close() { descriptor.close() }

  /// Waits for the connection's end; whether it was a reset.
  func isReset() -> Bool {
    var byte: UInt8 = 0
    while true {
      let count = recv(descriptor.number, &byte, 1, 0)
      if count < 0, errno == EINTR { continue }
      guard count <= 0 else { continue }
      return count < 0 && errno == ECONNRESET
    }
  }

  /// Closes so that the other end sees a reset.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor.number, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    descriptor.close()
  }
}

enum LocalAddress {
  static func with<Result>(
    _ text: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) throws -> Result {
    if text.hasPrefix("unix:") {
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: text.dropFirst(5).utf8) }
      return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
    }
    guard let port = text.split(separator: ":").last.flatMap({ UInt16($0) }) else {
      throw TestFailure("no address: \(text)")
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}

/// A service of a test: what it does with a connection runs on a thread for each.
final class LocalService: Sendable {
  let address: String
  private let listener: Descriptor

  /// - Parameter path: of a Unix socket; otherwise a free port of the loopback interface.
  init(path: String? = nil, _ serve: @escaping @Sendable (LocalConnection) -> Void) throws {
    let number = socket(
      path == nil ? AF_INET : AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw TestFailure("socket: \(String(cString: strerror(errno)))") }
    listener = Descriptor(number)
    let wanted = path.map { "unix:\($0)" } ?? "127.0.0.1:0"
    guard try LocalAddress.with(wanted, { bind(number, $0, $1) }) == 0, listen(number, 1_024) == 0 else {
      throw TestFailure("bind \(wanted): \(String(cString: strerror(errno)))")
    }
    if path == nil {
      var bound = sockaddr_in()
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      _ = withUnsafeMutablePointer(to: &bound) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(number, $0, &length) }
      }
      address = "127.0.0.1:\(UInt16(bigEndian: bound.sin_port))"
    } else {
      address = wanted
    }
    Thread.detachNewThread { [listener] in
      while true {
        let connection = accept(listener.number, nil, nil)
        if connection < 0, errno == EINTR { continue }
        guard connection >= 0 else { return }
        let accepted = LocalConnection(connection)
        Thread.detachNewThread { serve(accepted) }
      }
    }
  }

  /// A connected accept(2) does not notice that its descriptor is closed; a shut one does.
  deinit { shutdown(listener.number, Int32(SHUT_RDWR)) }

  /// Gives back what it gets, and ends when that ends.
  static func echo(path: String? = nil) throws -> LocalService {
    try LocalService(path: path) { connection in
      while let bytes = connection.descriptor.read(65_536) { connection.write(bytes) }
      connection.close()
    }
  }

  /// An address at which nobody listens.
  static func refusing() throws -> String {
    let service = try LocalService { $0.close() }
    let address = service.address
    shutdown(service.listener.number, Int32(SHUT_RDWR))
    service.listener.close()
    return address
  }
}
