import Glibc
import Wire

/// Memory that one datagram at a time is received into, with room before it for the number of its flow: it goes on
/// without being copied.
final class FlowBuffer {
  private static let start = FlowDatagram.maximumHeaderLength
  /// Larger than any datagram.
  private static let size = 65_536

  private let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: start + size, alignment: 16)

  deinit {
    // Somebody's data: it does not stay behind in freed memory.
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
    bytes.deallocate()
  }

  /// Where a datagram's payload goes.
  var room: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: bytes[Self.start...]) }

  /// The payload of `count` bytes that lies there, as a datagram of the flow.
  func datagram(of flow: UInt64, count: Int) -> UnsafeRawBufferPointer {
    let start = FlowDatagram.prepend(flow, to: bytes, payloadStart: Self.start)
    return UnsafeRawBufferPointer(rebasing: bytes[start..<Self.start + count])
  }
}

extension Socket {
  /// What comes in bursts waits here while others have their turn, in bytes.
  private static let burst: Int32 = 1 << 20

  static func makeRoomForBursts(_ descriptor: Int32) {
    set(descriptor, SOL_SOCKET, SO_RCVBUF, burst)
    set(descriptor, SOL_SOCKET, SO_SNDBUF, burst)
  }

  /// Nothing that the socket sends is fragmented, here or on its way (DGR-2): what does not fit is refused with EMSGSIZE.
  static func forbidFragments(_ descriptor: Int32, isIPv4: Bool) {
    if isIPv4 {
      set(descriptor, Int32(IPPROTO_IP), IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    } else {
      set(descriptor, Int32(IPPROTO_IPV6), IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO)
    }
  }
}
