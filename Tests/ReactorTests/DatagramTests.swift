import Basics
import CSockets
import Glibc
import Testing
import Wire

@testable import Reactor

/// A sender and a receiver on loopback, driven without a loop's wake-ups: what was sent there is there at once.
private final class Pair {
  let loop: EventLoop
  let sender: DatagramSocket
  let receiver: DatagramSocket
  var target: IPEndpoint { receiver.address.endpoint }

  init(
    _ text: String = "127.0.0.1:0", sending: DatagramSocket.Options = .init(),
    receiving: DatagramSocket.Options = .init()
  ) throws {
    let loop = try EventLoop()
    self.loop = loop
    let buffers = DatagramBuffers()
    func make(_ options: DatagramSocket.Options) throws -> DatagramSocket {
      try DatagramSocket(
        loop, SocketAddress(parsing: text), buffers: buffers, options: options, readable: {}, writable: {})
    }
    sender = try make(sending)
    receiver = try make(receiving)
  }

  func send(_ bytes: [UInt8], segmentLength: Int) -> DatagramSocket.SendResult {
    bytes.withUnsafeBytes { sender.send($0, segmentLength: segmentLength, to: target) }
  }

  /// All datagrams that are there, and how many were joined at most.
  func receive() -> (datagrams: [[UInt8]], largestJoin: Int) {
    var datagrams: [[UInt8]] = []
    var largest = 0
    var before = -1
    while before != datagrams.count {
      before = datagrams.count
      receiver.receive { bytes, segment, source in
        #expect(source == sender.address.endpoint)
        var offset = 0
        while offset < bytes.count {
          let end = min(offset + segment, bytes.count)
          datagrams.append(Array(bytes[offset..<end]))
          offset = end
        }
        largest = max(largest, (bytes.count + segment - 1) / segment)
      }
    }
    return (datagrams, largest)
  }
}

private func segments(_ bytes: [UInt8], _ length: Int) -> [[UInt8]] {
  stride(from: 0, to: bytes.count, by: length).map { Array(bytes[$0..<min($0 + length, bytes.count)]) }
}

private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) } }

@Suite struct DatagramTests {
  @Test(
    arguments: ["127.0.0.1:0", "[::1]:0"],
    [DatagramSocket.SendMethod.segmentation, .batch, .single])
  func batchesArriveWholeAndInOrder(_ text: String, _ method: DatagramSocket.SendMethod) throws {
    for isFast in [true, false] {
      let receiving = DatagramSocket.Options(receivesBatches: isFast, joinsDatagrams: isFast)
      let pair = try Pair(text, sending: .init(sendMethod: method), receiving: receiving)
      let limit = pair.sender.sendMethod
      #expect(limit <= method)
      for (count, length) in [(1, 1_200), (1_200, 1_200), (1_201, 1_200), (65_536, 1_452), (65_536, 1_024)] {
        let bytes = pattern(count)
        #expect(pair.send(bytes, segmentLength: length) == .sent)
        let (datagrams, joined) = pair.receive()
        #expect(datagrams == segments(bytes, length))
        if !isFast { #expect(joined == 1) }
      }
      #expect(pair.sender.sendMethod == limit)
    }
  }

  /// More than one call carries: too many datagrams, or more bytes than a datagram may have.
  @Test(arguments: [DatagramSocket.SendMethod.segmentation, .batch, .single])
  func aLongBatchIsSentInSeveralCalls(_ method: DatagramSocket.SendMethod) throws {
    let pair = try Pair(sending: .init(sendMethod: method))
    for (count, length) in [(65_536, 500), (65_536, 40_000), (65_536, 65_000)] {
      let bytes = pattern(count)
      #expect(pair.send(bytes, segmentLength: length) == .sent)
      #expect(pair.receive().datagrams == segments(bytes, length))
    }
  }

  /// Without checksums the kernel refuses to cut (EINVAL), and nothing else.
  @Test func aRefusalOfSegmentationIsMadeGoodAndRemembered() throws {
    let pair = try Pair()
    try #require(pair.sender.sendMethod == .segmentation)
    Socket.set(pair.sender.descriptor, SOL_SOCKET, SO_NO_CHECK, 1)
    let bytes = pattern(10_000)
    #expect(pair.send(bytes, segmentLength: 1_200) == .sent)
    #expect(pair.receive().datagrams == segments(bytes, 1_200))
    #expect(pair.sender.sendMethod == .batch)
  }

  @Test(arguments: [DatagramSocket.SendMethod.segmentation, .batch, .single])
  func whatAnInterfaceCannotCarryIsTooLarge(_ method: DatagramSocket.SendMethod) throws {
    let pair = try Pair(sending: .init(sendMethod: method))
    #expect(pair.send(pattern(65_508), segmentLength: 65_508) == .tooLarge)
    #expect(pair.sender.sendMethod == method)
  }

  /// Kernels differ in what they call a segment that is larger than the interface's datagrams.
  @Test(
    .enabled(if: Namespace.isAvailable, "needs root and ip(8)"),
    arguments: [DatagramSocket.SendMethod.segmentation, .batch, .single])
  func theInterfaceLimitsDatagramsAndRoutesLimitWhereTheyGo(_ method: DatagramSocket.SendMethod) throws {
    try Namespace.run {
      for step in [
        "link add near mtu 1400 type veth peer name far", "link set near up", "link set far up",
        "addr add 192.0.2.1/24 dev near",
      ] {
        try Namespace.ip(step)
      }
      let pair = try Pair("0.0.0.0:0", sending: .init(sendMethod: method))
      func send(_ count: Int, _ length: Int, _ target: String) throws -> DatagramSocket.SendResult {
        let endpoint = try #require(IPEndpoint(target))
        return pattern(count).withUnsafeBytes {
          pair.sender.send($0, segmentLength: length, to: endpoint)
        }
      }
      #expect(try send(3_000, 1_373, "192.0.2.2:9") == .tooLarge)
      #expect(try send(1_373, 1_373, "192.0.2.2:9") == .tooLarge)
      #expect(try send(3_000, 1_372, "192.0.2.2:9") == .sent)
      let unreachable = DatagramSocket.SendResult.failed(reason: SystemError.text(of: ENETUNREACH))
      #expect(try send(3_000, 1_372, "198.51.100.1:9") == unreachable)
      #expect(pair.sender.sendMethod == method)
    }
  }

  @Test func anAddressOfTheOtherFamilyOrNoPortIsAFailureThatChangesNothing() throws {
    let pair = try Pair()
    let method = pair.sender.sendMethod
    for target in ["[::1]:9", "127.0.0.1:0"] {
      let endpoint = try #require(IPEndpoint(target))
      let result = pattern(3_000).withUnsafeBytes {
        pair.sender.send($0, segmentLength: 1_000, to: endpoint)
      }
      guard case .failed(let reason) = result else {
        Issue.record("\(target): \(result)")
        continue
      }
      #expect(!reason.isEmpty)
    }
    #expect(pair.sender.sendMethod == method)
    pair.sender.close()
    #expect(pair.send([1], segmentLength: 1) == .failed(reason: "the socket is closed"))
  }

  @Test func largeBuffersAreAskedForAndWhatWasGrantedIsTold() throws {
    let pair = try Pair()
    #expect(pair.sender.sendBufferSize > 0 && pair.sender.sendBufferSize <= 4 << 20)
    #expect(pair.receiver.receiveBufferSize > 0 && pair.receiver.receiveBufferSize <= 4 << 20)
    var value: Int32 = 0
    var length = socklen_t(4)
    getsockopt(pair.sender.descriptor, Int32(IPPROTO_IP), IP_MTU_DISCOVER, &value, &length)
    #expect(value == IP_PMTUDISC_PROBE)
  }

  @Test func theBodyMayCloseTheSocket() throws {
    let pair = try Pair(receiving: .init(joinsDatagrams: false))
    #expect(pair.send(pattern(5_000), segmentLength: 1_000) == .sent)
    var calls = 0
    pair.receiver.receive { _, _, _ in
      calls += 1
      pair.receiver.close()
    }
    #expect(calls == 1)
  }

  @Test func emptyDatagramsAreNobodysBusiness() throws {
    let pair = try Pair()
    let status = pair.receiver.address.withSystemAddress {
      sendto(pair.sender.descriptor, nil, 0, 0, $0, $1)
    }
    #expect(status == 0)
    #expect(pair.send([7], segmentLength: 1) == .sent)
    #expect(pair.receive().datagrams == [[7]])
  }

  @Test func theLoopReportsDatagramsAndRoom() throws {
    let test = try TestLoop()
    let buffers = DatagramBuffers()
    var received: [UInt8] = []
    var receiver: DatagramSocket?
    receiver = try DatagramSocket(test.loop, isIPv6: false, buffers: buffers) {
      receiver?.receive { bytes, _, _ in received = Array(bytes) }
      test.loop.stop()
    } writable: {
    }
    let port = try #require(receiver?.address.port)
    let target = IPEndpoint(address: IPAddress(ipv4: 0x7F00_0001), port: port)
    var sender: DatagramSocket?
    sender = try DatagramSocket(test.loop, isIPv6: false, buffers: buffers) {
    } writable: {
      sender?.wantsWrite = false
      _ = [UInt8]([1, 2, 3]).withUnsafeBytes { sender?.send($0, segmentLength: 3, to: target) }
    }
    sender?.wantsWrite = true
    #expect(test.run())
    #expect(received == [1, 2, 3])
  }
}
