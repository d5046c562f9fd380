import Glibc
import Synchronization
import Wire

/// Looks up host names without letting the loop wait: getaddrinfo(3), which only knows how to block, runs on a
/// thread of its own, one name after the other. Dropping the resolver forgets what is under way.
public final class NameResolver {
  /// The most names that may wait; more are refused.
  public static let queueLimit = 16

  /// What loop and thread share. The thread keeps it until the last name is done.
  private final class Shared: Sendable {
    struct State {
      var waiting: [(ticket: Int, name: String)] = []
      var answers: [(ticket: Int, addresses: [IPAddress])] = []
      var isRunning = false
    }
    let state = Mutex(State())
    /// A pipe that tells the loop of answers; closed with the last of the two owners.
    let readEnd: Int32
    private let writeEnd: Int32

    init() throws(ReactorError) {
      var ends: [Int32] = [-1, -1]
      guard pipe(&ends) == 0 else { throw .system(.last("pipe")) }
      for end in ends { Socket.setNonBlocking(end) }
      (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
      close(readEnd)
      close(writeEnd)
    }

    /// Works until nothing waits.
    func work() {
      while true {
        let next = state.withLock { state -> (ticket: Int, name: String)? in
          if state.waiting.isEmpty {
            state.isRunning = false
            return nil
          }
          return state.waiting.removeFirst()
        }
        guard let next else { return }
        let addresses = NameResolver.lookUp(next.name)
        state.withLock { $0.answers.append((next.ticket, addresses)) }
        // A full pipe says already that something is there.
        _ = write(writeEnd, [0], 1)
      }
    }
  }

  private let shared: Shared
  private var watcher: IOWatcher?
  private var completions: [Int: ([IPAddress]) -> Void] = [:]
  private var nextTicket = 0

  public init(_ loop: EventLoop) throws(ReactorError) {
    shared = try Shared()
    watcher = loop.watch(shared.readEnd) { [weak self] _ in self?.collect() }
    watcher?.interest = .readable
  }

  deinit {
    watcher?.cancel()
    shared.state.withLock { $0.waiting = [] }
  }

  /// Looks `name` up; `completion` is called on the loop with its addresses, none when there are none. False when
  /// too many names wait already or no thread can be had: `completion` is not called then.
  public func resolve(_ name: String, completion: @escaping ([IPAddress]) -> Void) -> Bool {
    guard completions.count < Self.queueLimit else { return false }
    let ticket = nextTicket
    let needsThread = shared.state.withLock { state in
      state.waiting.append((ticket, name))
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if needsThread, !startThread() {
      shared.state.withLock {
        $0.waiting = []
        $0.isRunning = false
      }
      return false
    }
    nextTicket += 1
    completions[ticket] = completion
    return true
  }

  private func startThread() -> Bool {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let context = Unmanaged.passRetained(shared)
    // Signals are for the loop's thread.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let status = pthread_create(
      &thread, &attributes,
      { context in
        guard let context else { return nil }
        Unmanaged<Shared>.fromOpaque(context).takeRetainedValue().work()
        return nil
      }, context.toOpaque())
    if status != 0 { context.release() }
    return status == 0
  }

  private func collect() {
    var bytes = [UInt8](repeating: 0, count: Self.queueLimit)
    _ = read(shared.readEnd, &bytes, bytes.count)
    let answers = shared.state.withLock { state in
      defer { state.answers = [] }
      return state.answers
    }
    for answer in answers { completions.removeValue(forKey: answer.ticket)?(answer.addresses) }
  }

  /// Blocks.
  private static func lookUp(_ name: String) -> [IPAddress] {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var result: [IPAddress] = []
    var next = list
    while let entry = next {
      next = entry.pointee.ai_next
      let bytes = UnsafeRawBufferPointer(start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen))
      guard let address = SocketAddress(bytes)?.endpoint.address.unmapped, !result.contains(address) else {
        continue
      }
      result.append(address)
    }
    return result
  }
}
