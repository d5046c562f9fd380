import Basics
import Engine
import Glibc

@testable import Reactor

/// One side of a connection for datagrams without a session: what is sent waits for the other side.
final class FakeDatagramCarrier: DatagramCarrier {
  weak var peer: FakeDatagramCarrier?
  /// The largest datagram that is taken.
  var largest = 1_168
  var isAvailable = true
  /// Datagrams for this side.
  var incoming: [[UInt8]] = []
  /// All that this side sent.
  private(set) var sent: [[UInt8]] = []

  func sendDatagram(_ bytes: UnsafeRawBufferPointer, at now: Instant) -> DatagramSending {
    guard isAvailable else { return .unavailable }
    guard bytes.count <= largest else { return .tooLarge }
    sent.append(Array(bytes))
    peer?.incoming.append(Array(bytes))
    return .accepted
  }

  func readDatagram(at now: Instant, _ take: (UnsafeRawBufferPointer) -> Void) -> Bool {
    guard !incoming.isEmpty else { return false }
    incoming.removeFirst().withUnsafeBytes(take)
    return true
  }
}

/// Both ends of forwarded datagrams, joined by a fake connection, with real sockets on one loop.
final class DatagramWorld {
  let test: TestLoop
  let entryCarrier = FakeDatagramCarrier()
  let exitCarrier = FakeDatagramCarrier()
  let entry: DatagramEntry
  let exit: DatagramExit
  private var condition: (() -> Bool)?
  private var isTurning = false

  /// - Parameter target: where the service is.
  init(target: SocketAddress, test: TestLoop, limits: FlowLimits = FlowLimits()) throws {
    self.test = test
    entry = try DatagramEntry(
      test.loop, entryCarrier, listen: SocketAddress(ipv4: 0x7f00_0001, port: 0), limits: limits)
    exit = DatagramExit(test.loop, exitCarrier, target: target, limits: limits)
    entryCarrier.peer = exitCarrier
    exitCarrier.peer = entryCarrier
    entry.wake = { [unowned self] in turn() }
    exit.wake = { [unowned self] in turn() }
  }

  /// What the hosts of both sessions do: pump until nothing moves.
  func turn() {
    guard !isTurning else { return }
    isTurning = true
    while entry.pump() || exit.pump() {}
    isTurning = false
    check()
  }

  func check() {
    if condition?() == true { test.loop.stop() }
  }

  /// Runs until the condition holds; false when it does not within a generous time.
  func run(until condition: @escaping () -> Bool) -> Bool {
    guard !condition() else { return true }
    self.condition = condition
    defer { self.condition = nil }
    return test.run() && condition()
  }

  /// Waits for something that only time brings about and nothing tells.
  func poll(until condition: @escaping () -> Bool) -> Bool {
    var timer: LoopTimer?
    timer = test.loop.makeTimer { [unowned self] in
      check()
      timer?.arm(after: .milliseconds(5))
    }
    timer?.arm(after: .milliseconds(5))
    defer { timer = nil }
    return run(until: condition)
  }
}

/// A program with one UDP socket of the loopback interface, on the loop of a test.
final class UDPProgram {
  struct Datagram: Equatable {
    var bytes: [UInt8]
    var source: SocketAddress
  }

  private(set) var descriptor: Int32
  let address: SocketAddress
  private var watcher: IOWatcher?
  private(set) var received: [Datagram] = []
  /// Is called for each datagram.
  var arrived: (Datagram) -> Void = { _ in }

  init(_ test: TestLoop, port: UInt16 = 0) throws {
    (descriptor, address) = try Socket.bound(SocketAddress(ipv4: 0x7f00_0001, port: port), SOCK_DGRAM)
    watcher = test.loop.watch(descriptor) { [unowned self] _ in readable() }
    watcher?.interest = .readable
  }

  deinit { close() }

  /// A service that sends back whatever comes.
  static func echo(_ test: TestLoop, port: UInt16 = 0) throws -> UDPProgram {
    let program = try UDPProgram(test, port: port)
    program.arrived = { [unowned program] in program.send($0.bytes, to: $0.source) }
    return program
  }

  func send(_ bytes: [UInt8], to address: SocketAddress) {
    let count = address.withSystemAddress { sendto(descriptor, bytes, bytes.count, 0, $0, $1) }
    precondition(count == bytes.count)
  }

  func close() {
    watcher?.cancel()
    watcher = nil
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  private func readable() {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while descriptor >= 0 {
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let count = withUnsafeMutablePointer(to: &storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT), $0, &length)
        }
      }
      guard count >= 0, let source = SocketAddress(storage) else { return }
      let datagram = Datagram(bytes: Array(buffer[..<count]), source: source)
      received.append(datagram)
      arrived(datagram)
    }
  }
}
