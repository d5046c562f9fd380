import Dispatch
import Glibc
import Wire

/// Looks a host name up in a thread of its own, for the C library can only do that blocking. Dropping it forgets the
/// lookup; its thread ends when the library gives up.
public final class NameLookup {
  private let pipe: Int32
  private var watcher: IOWatcher?
  private var text: [UInt8] = []
  private var completion: (([IPAddress]) -> Void)?

  /// The most addresses that are taken.
  private static let maximumCount = 8

  /// Begins; `completion` gets the addresses (none when there are none) from the loop. Nil when the system has no
  /// pipe left.
  public init?(_ loop: EventLoop, _ name: String, completion: @escaping ([IPAddress]) -> Void) {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else { return nil }
    let output = ends[1]
    _ = fcntl(output, F_SETFD, FD_CLOEXEC)
    pipe = ends[0]
    self.completion = completion
    Socket.setNonBlocking(pipe)
    // At most eight short lines: they fit into the pipe, so that the thread never waits for us.
    DispatchQueue.global().async {
      let lines = Array(Self.resolve(name).map { "\($0)\n" }.joined().utf8)
      _ = Glibc.write(output, lines, lines.count)
      close(output)
    }
    watcher = loop.watch(pipe) { [weak self] _ in self?.read() }
    watcher?.interest = .readable
  }

  deinit {
    watcher?.cancel()
    close(pipe)
  }

  private func read() {
    var buffer = [UInt8](repeating: 0, count: 1_024)
    let count = Glibc.read(pipe, &buffer, buffer.count)
    if count > 0 { return text += buffer[..<count] }
    if count < 0, errno == EAGAIN || errno == EINTR { return }
    watcher?.cancel()
    let completion = completion
    self.completion = nil
    completion?(String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { IPAddress($0) })
  }

  private static func resolve(_ name: String) -> [IPAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var addresses: [IPAddress] = []
    var next = list
    while let entry = next, addresses.count < maximumCount {
      next = entry.pointee.ai_next
      var storage = sockaddr_storage()
      withUnsafeMutableBytes(of: &storage) {
        let length = min(Int(entry.pointee.ai_addrlen), $0.count)
        $0.copyMemory(from: UnsafeRawBufferPointer(start: entry.pointee.ai_addr, count: length))
      }
      if let address = SocketAddress(storage)?.endpoint.address, !addresses.contains(address) {
        addresses.append(address)
      }
    }
    return addresses
  }
}
