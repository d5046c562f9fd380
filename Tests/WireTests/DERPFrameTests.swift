import Basics
import Crypto
import Testing

@testable import Wire

@Suite("DERP frames and handshake")
struct DERPFrameTests {
  private let vectors = try! Vector.load("derp-frames")

  @Test("every control frame decodes and encodes byte for byte")
  func frames() throws {
    var packets = 0
    for one in vectors["frames"].list {
      let bytes = one["hex"].bytes
      let name = one["name"].text
      let header = try #require(bytes.lend(DERPFrameHeader.parse))
      #expect(Int(header.type) == one["type"].integer)
      #expect(header.length == bytes.count - DERP.frameHeaderLength)
      let payload = Array(bytes[DERP.frameHeaderLength...])
      let frame = try payload.lend { (raw) throws(DERPFrameError) in
        try DERPControlFrame.parse(type: header.type, payload: raw)
      }
      guard let frame else {
        packets += 1
        continue
      }
      #expect(frame.type.rawValue == header.type)
      if name.contains("old form") {
        #expect(frame.serialized() == [8, 0, 0, 0, 33] + payload + [0], "\(name)")
      } else {
        #expect(frame.serialized() == bytes, "\(name)")
      }
    }
    #expect(packets == 2)
  }

  @Test("control frames carry what their names say")
  func contents() throws {
    let other = vectors["keys"]["other_public_hex"].bytes32
    let frames = try vectors["frames"].list.compactMap { one in
      let bytes = one["hex"].bytes
      return try Array(bytes[5...]).lend { try DERPControlFrame.parse(type: bytes[0], payload: $0) }
    }
    #expect(frames.contains(.serverKey(.init(serverPublic: vectors["keys"]["server_public_hex"].bytes32))))
    #expect(frames.contains(.keepAlive))
    #expect(frames.contains(.notePreferred(.init(isPreferred: true))))
    #expect(frames.contains(.peerGone(.init(peer: other, reason: PeerGoneFrame.disconnected))))
    #expect(frames.contains(.peerGone(.init(peer: other, reason: PeerGoneFrame.notHere))))
    let address = PeerPresentFrame.Address(address: IPAddress(ipv4: 0xCB00_7109).bytes, port: 4242)
    #expect(frames.contains(.peerPresent(.init(peer: other, address: address, flags: 1))))
    #expect(frames.contains(.ping(.init(token: 0x0102_0304_0506_0708))))
    #expect(frames.contains(.pong(.init(token: 0x0102_0304_0506_0708))))
    #expect(frames.contains(.health(.init(problem: "dup"))))
    #expect(frames.contains(.health(.init(problem: ""))))
    #expect(
      frames.contains(.restarting(.init(reconnectInMilliseconds: 1500, tryForMilliseconds: 8000))))
  }

  @Test("the header of a packet frame is the vector's")
  func packetHeader() {
    let expected = vectors["frames"].list.first { $0["type"].integer == 4 }!["hex"].bytes
    var buffer = [UInt8](repeating: 0, count: DERP.packetHeaderLength)
    buffer.withUnsafeMutableBytes {
      DERPFrameHeader.storePacketHeader(
        .sendPacket, peer: vectors["keys"]["other_public_hex"].bytes32, packetLength: 2, into: $0)
    }
    #expect(buffer + Array("hi".utf8) == expected)
  }

  @Test("handshake boxes open to the info that was sealed")
  func boxes() throws {
    let keys = vectors["keys"]
    let client = try #require(X25519PrivateKey(clamping: keys["client_private_hex"].bytes))
    let server = try #require(X25519PrivateKey(clamping: keys["server_private_hex"].bytes))
    let clientBox = vectors["client_info_box_hex"].bytes
    let clientJSON = try NaClBox.open(clientBox, from: client.publicKey, to: server)
    #expect(clientJSON == vectors["client_info_json_sent_by_derphole"].utf8)
    #expect(try clientJSON.lend { try ClientInfo.parse($0) } == ClientInfo())
    #expect(ClientInfo().serialized() == clientJSON)
    let serverJSON = try NaClBox.open(
      vectors["server_info_box_hex"].bytes, from: server.publicKey, to: client)
    #expect(try serverJSON.lend { try ServerInfo.parse($0) } == ServerInfo())
    #expect(ServerInfo().serialized() == serverJSON)
  }

  @Test("handshake info agrees with Go's JSON")
  func info() throws {
    #expect(
      ClientInfo(canAckPings: false).serialized() == vectors["client_info_json_without_ack_pings"].utf8)
    let limited = ServerInfo(tokenBucketBytesPerSecond: 1_000_000, tokenBucketBytesBurst: 262_144)
    #expect(limited.serialized() == vectors["server_info_json_with_rate_limit"].utf8)
    #expect(try limited.serialized().lend { try ServerInfo.parse($0) } == limited)
    let empty = try Array("{}".utf8).lend { try ClientInfo.parse($0) }
    #expect(empty == ClientInfo(version: 0, canAckPings: false))
    #expect(throws: DERPFrameError.malformedInfo) {
      try Array(#"{"meshKey":"abc"}"#.utf8).lend { try ClientInfo.parse($0) }
    }
  }

  @Test("payloads beyond their bounds are refused")
  func bounds() {
    func parse(_ type: DERPFrameType, _ length: Int) throws(DERPFrameError) {
      _ = try [UInt8](repeating: 0, count: length).lend { (raw) throws(DERPFrameError) in
        try DERPControlFrame.parse(type: type.rawValue, payload: raw)
      }
    }
    let allowed: [(DERPFrameType, ClosedRange<Int>)] = [
      (.clientInfo, 56...262_144), (.serverInfo, 24...262_144), (.notePreferred, 1...1),
      (.closePeer, 32...32), (.ping, 8...1_000), (.watchConnections, 0...0),
    ]
    for (type, range) in allowed {
      #expect(throws: Never.self) { try parse(type, range.lowerBound) }
      #expect(throws: Never.self) { try parse(type, range.upperBound) }
      #expect(throws: DERPFrameError.tooLong(type: type.rawValue)) { try parse(type, range.upperBound + 1) }
      guard range.lowerBound > 0 else { continue }
      #expect(throws: DERPFrameError.tooShort(type: type.rawValue)) { try parse(type, range.lowerBound - 1) }
    }
    #expect(throws: DERPFrameError.wrongMagic) { try parse(.serverKey, 40) }
    #expect(throws: DERPFrameError.tooShort(type: 0x15)) { try parse(.restarting, 7) }
  }

  @Test("health text is cut at a character")
  func health() {
    let text = String(repeating: "é", count: 3_000)
    let frame = HealthFrame(problem: text)
    #expect(frame.problem.utf8.count == DERP.maximumHealthLength)
    let odd = Array("x".utf8) + Array(text.utf8)
    let parsed = odd.lend(HealthFrame.parse)
    #expect(parsed.problem.utf8.count <= DERP.maximumHealthLength)
    #expect(parsed.serialized().lend(HealthFrame.parse) == parsed)
  }
}
