import Glibc
import Testing

/// Network namespaces, whose functions the C library shows to GNU programs only.
enum Namespace {
  typealias Unshare = @convention(c) (Int32) -> Int32
  typealias Enter = @convention(c) (Int32, Int32) -> Int32
  static let newNetwork: Int32 = 0x4000_0000

  static func function<F>(_ name: String, as type: F.Type) throws -> F {
    unsafeBitCast(try #require(dlsym(nil, name)), to: type)
  }

  /// Whether this process may make one. Tried on a thread of its own, which ends with it.
  static let isAvailable: Bool = {
    guard geteuid() == 0 else { return false }
    var thread = pthread_t()
    var result: UnsafeMutableRawPointer?
    let status = pthread_create(
      &thread, nil,
      { _ in
        let unshare = try? Namespace.function("unshare", as: Unshare.self)
        return unshare?(Namespace.newNetwork) == 0 ? UnsafeMutableRawPointer(bitPattern: 1) : nil
      }, nil)
    guard status == 0, pthread_join(thread, &result) == 0 else { return false }
    return result != nil && (try? Namespace.ip("-V")) != nil
  }()

  /// Runs `body` on this thread in a namespace that is gone afterwards.
  static func run(_ body: () throws -> Void) throws {
    let own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    try #require(own >= 0)
    defer { close(own) }
    let enter = try function("setns", as: Enter.self)
    try #require(try function("unshare", as: Unshare.self)(newNetwork) == 0)
    defer { #expect(enter(own, newNetwork) == 0) }
    try body()
  }

  /// Runs ip(8) in the namespace of this thread.
  static func ip(_ arguments: String) throws {
    let words = ["ip"] + arguments.split(separator: " ").map(String.init)
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var child: pid_t = 0
    try #require(posix_spawnp(&child, "ip", nil, nil, &pointers, environ) == 0)
    var status: Int32 = -1
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    try #require(status == 0, "ip \(arguments)")
  }
}
