import Basics
import Crypto
import Foundation
import Wire

/// A TCP connection to a relay that sends whatever bytes a test likes.
final class RawClient: Sendable {
  private let descriptor: Descriptor

  init(_ relay: Relay) throws {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw TestFailure("socket: \(String(cString: strerror(errno)))") }
    descriptor = Descriptor(number)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = relay.port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw TestFailure("connect: \(String(cString: strerror(errno)))") }
    var timeout = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
  }

  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool { descriptor.write(bytes) }
  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  func read(exactly count: Int) -> [UInt8] { descriptor.read(exactly: count) }

  /// Everything until the relay closes.
  func readToEnd() -> String { String(decoding: descriptor.readToEnd(), as: UTF8.self) }

  func close() { descriptor.close() }

  /// Upgrades to DERP and returns the relay's key.
  func upgrade() throws -> Bytes32 {
    send("GET /derp HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n")
    var head: [UInt8] = []
    while !head.suffix(4).elementsEqual(Array("\r\n\r\n".utf8)) {
      let next = read(exactly: 1)
      guard !next.isEmpty else { throw TestFailure("no upgrade: \(String(decoding: head, as: UTF8.self))") }
      head += next
    }
    let frame = try self.frame()
    guard frame.type == DERPFrameType.serverKey.rawValue,
      let key = Bytes32(frame.payload.suffix(32).map { $0 })
    else { throw TestFailure("frame \(frame.type) instead of the relay's key") }
    return key
  }

  /// Joins under a key; true when the relay takes it.
  func join(as key: X25519PrivateKey) throws -> Bool {
    let relayKey = try upgrade()
    let sealed = try NaClBox.seal(
      Array(#"{"version":2}"#.utf8), nonce: payload(24, seed: 7), to: relayKey, from: key)
    sendFrame(.clientInfo, key.publicKey.array + sealed)
    return (try? frame())?.type == DERPFrameType.serverInfo.rawValue
  }

  func sendFrame(_ type: DERPFrameType, _ payload: [UInt8]) {
    var header = [UInt8](repeating: 0, count: DERP.frameHeaderLength)
    header.withUnsafeMutableBytes {
      DERPFrameHeader(type: type.rawValue, length: payload.count).store(into: $0)
    }
    send(header + payload)
  }

  private func frame() throws -> (type: UInt8, payload: [UInt8]) {
    let bytes = read(exactly: DERP.frameHeaderLength)
    guard let header = bytes.withUnsafeBytes({ DERPFrameHeader.parse($0) }) else {
      throw TestFailure("the relay closed the connection")
    }
    return (header.type, read(exactly: header.length))
  }
}
