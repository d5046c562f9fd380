import CSockets
import Glibc

/// Memory that batches of datagrams are received into and described to the kernel with. The sockets of one loop
/// share it, since a batch is dealt with before the next one is read.
public final class DatagramBuffers {
  /// The largest message: what the kernel joins (GRO) ends below 64 KiB.
  static let messageSize = 65_536
  /// How many messages one wake-up takes: up to 1 MiB, after which other events have their turn.
  static let incomingCount = 16
  /// How many datagrams one call sends (the kernel's UDP_MAX_SEGMENTS; later kernels take more).
  static let outgoingCount = 64
  private static let nameSize = MemoryLayout<sockaddr_in6>.size
  /// Control messages are aligned like their header.
  private static let controlSize = (Int(derphole_control_space) + 15) & ~15

  let incoming = UnsafeMutablePointer<derphole_message>.allocate(capacity: incomingCount)
  let outgoing = UnsafeMutablePointer<derphole_message>.allocate(capacity: outgoingCount)
  private let vectors = UnsafeMutablePointer<derphole_vector>.allocate(
    capacity: incomingCount + outgoingCount)
  private let names: UnsafeMutableRawPointer
  private let controls: UnsafeMutableRawPointer
  private let bytes: UnsafeMutableRawPointer

  public init() {
    names = .allocate(byteCount: Self.incomingCount * Self.nameSize, alignment: 8)
    controls = .allocate(byteCount: (Self.incomingCount + 1) * Self.controlSize, alignment: 16)
    bytes = .allocate(byteCount: Self.incomingCount * Self.messageSize, alignment: 4_096)
    incoming.initialize(repeating: derphole_message(), count: Self.incomingCount)
    outgoing.initialize(repeating: derphole_message(), count: Self.outgoingCount)
    vectors.initialize(repeating: derphole_vector(), count: Self.incomingCount + Self.outgoingCount)
    for index in 0..<Self.incomingCount {
      vectors[index] = derphole_vector(base: bytes + index * Self.messageSize, length: Self.messageSize)
      incoming[index].vectors = vectors + index
      incoming[index].vector_count = 1
    }
    for index in 0..<Self.outgoingCount {
      outgoing[index].vectors = vectors + Self.incomingCount + index
      outgoing[index].vector_count = 1
    }
  }

  deinit {
    names.deallocate()
    controls.deallocate()
    // Opened in place, so that plaintext lies here.
    memset(bytes, 0, Self.incomingCount * Self.messageSize)
    bytes.deallocate()
    incoming.deallocate()
    outgoing.deallocate()
    vectors.deallocate()
  }

  /// Where the control message of the one message lies that has one.
  var outgoingControl: UnsafeMutableRawPointer { controls + Self.incomingCount * Self.controlSize }

  /// Makes every incoming message ready: the kernel overwrites the sizes.
  func prepareIncoming() {
    for index in 0..<Self.incomingCount {
      incoming[index].name = names + index * Self.nameSize
      incoming[index].name_length = UInt32(Self.nameSize)
      incoming[index].control = controls + index * Self.controlSize
      incoming[index].control_length = Self.controlSize
      incoming[index].flags = 0
    }
  }

  /// Describes one datagram, or several that one call sends.
  func prepareOutgoing(
    _ index: Int, _ data: UnsafeRawBufferPointer, _ address: UnsafePointer<sockaddr>, _ length: socklen_t
  ) {
    vectors[Self.incomingCount + index] = derphole_vector(
      base: UnsafeMutableRawPointer(mutating: data.baseAddress), length: data.count)
    outgoing[index].name = UnsafeMutableRawPointer(mutating: UnsafeRawPointer(address))
    outgoing[index].name_length = length
    outgoing[index].control = nil
    outgoing[index].control_length = 0
    outgoing[index].flags = 0
  }

  /// The bytes of an incoming message.
  func data(of index: Int, count: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: bytes + index * Self.messageSize, count: count)
  }

  /// Where an incoming message comes from; nil for a family that is none of ours.
  func source(of index: Int) -> SocketAddress? {
    SocketAddress(
      UnsafeRawBufferPointer(
        start: names + index * Self.nameSize,
        count: min(Int(incoming[index].name_length), Self.nameSize)))
  }
}
