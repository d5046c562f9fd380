import Glibc
import Synchronization

/// A thread for what a library can only do blocking. Jobs run one after the other; their results come back on
/// the loop.
///
/// The thread starts with the first job and ends when the object goes, after the job at hand: nobody waits for
/// it. It inherits the network namespace of the thread that starts it, and takes no signals.
final class HelperThread<Output: Sendable> {
  private let shared: HelperQueue<Output>
  private let capacity: Int
  private var watcher: IOWatcher?
  private var waiting: [(number: UInt64, finished: (Output) -> Void)] = []
  private var nextNumber: UInt64 = 0
  private var isStarted = false

  /// Makes the queue; `capacity` bounds the jobs that are not finished.
  init(_ loop: EventLoop, capacity: Int) throws(SystemError) {
    self.capacity = capacity
    shared = try HelperQueue()
    watcher = loop.watch(shared.resultsReady) { [weak self] _ in self?.deliver() }
    watcher?.interest = .readable
  }

  deinit { close() }

  /// Queues a job; false when the queue is full or no thread can be had.
  func submit(_ work: @escaping @Sendable () -> Output, finished: @escaping (Output) -> Void) -> Bool {
    guard watcher != nil, waiting.count < capacity, isStarted || start() else { return false }
    isStarted = true
    nextNumber += 1
    waiting.append((nextNumber, finished))
    shared.push(nextNumber, work)
    return true
  }

  /// Drops the jobs not begun and every result. The job at hand ends by itself.
  func close() {
    watcher?.cancel()
    watcher = nil
    waiting = []
    shared.close()
  }

  private func deliver() {
    for (number, output) in shared.takeResults() {
      guard let index = waiting.firstIndex(where: { $0.number == number }) else { continue }
      waiting.remove(at: index).finished(output)
    }
  }

  private func start() -> Bool {
    let body = ThreadBody { [shared] in shared.run() }
    let context = Unmanaged.passRetained(body)
    var all = sigset_t()
    var previous = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context.toOpaque())
    guard status == 0 else {
      context.release()
      return false
    }
    pthread_detach(thread)
    return true
  }
}

/// A C function pointer cannot carry a generic type: what the thread runs hides it.
private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// What loop and thread share. The descriptors live as long as either of them.
private final class HelperQueue<Output: Sendable>: Sendable {
  private struct State {
    var jobs: [(number: UInt64, work: @Sendable () -> Output)] = []
    var results: [(number: UInt64, output: Output)] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  /// A byte for each job, and one at the end.
  private let jobsReady: Pipe
  /// A byte when there are results.
  private let results: Pipe
  var resultsReady: Int32 { results.reading }

  init() throws(SystemError) {
    jobsReady = try Pipe()
    results = try Pipe()
    // The loop never waits here; the thread does on the other one.
    Socket.setNonBlocking(results.reading)
  }

  func push(_ number: UInt64, _ work: @escaping @Sendable () -> Output) {
    state.withLock { $0.jobs.append((number, work)) }
    jobsReady.put()
  }

  func close() {
    state.withLock {
      $0.isClosed = true
      $0.jobs = []
      $0.results = []
    }
    jobsReady.put()
  }

  func takeResults() -> [(number: UInt64, output: Output)] {
    results.take()
    return state.withLock { state in
      defer { state.results = [] }
      return state.results
    }
  }

  /// The thread's life.
  func run() {
    while true {
      jobsReady.take()
      let (isClosed, job) = state.withLock { ($0.isClosed, $0.jobs.isEmpty ? nil : $0.jobs.removeFirst()) }
      if isClosed { return }
      guard let job else { continue }
      let output = job.work()
      state.withLock { if !$0.isClosed { $0.results.append((job.number, output)) } }
      results.put()
    }
  }
}

/// Wakes the other side. Never full: a handful of bytes at most is on its way.
private final class Pipe: Sendable {
  let reading: Int32
  private let writing: Int32

  init() throws(SystemError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .last("pipe") }
    (reading, writing) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  }

  deinit {
    close(reading)
    close(writing)
  }

  func put() {
    var byte: UInt8 = 1
    write(writing, &byte, 1)
  }

  /// Takes one byte; waits for it where the descriptor blocks.
  func take() {
    var byte: UInt8 = 0
    while read(reading, &byte, 1) < 0, errno == EINTR {}
  }
}
