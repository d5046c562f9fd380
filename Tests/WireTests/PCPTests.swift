import Basics
import Testing

@testable import Wire

@Suite("PCP")
struct PCPTests {
  private let nonce = PCPNonce(1...12)!
  private let client = IPAddress("192.168.1.20")!
  private let external = IPEndpoint("203.0.113.7:40000")!

  private var request: PCPRequest {
    PCPRequest(
      .map(PCPMapping(nonce: nonce, internalPort: 5_000)), lifetime: 7_200, client: client)
  }

  private static let mapRequest = """
    02010000 00001c20 00000000000000000000ffffc0a80114 0102030405060708090a0b0c 11000000 1388 0000 \
    00000000000000000000ffff00000000
    """
  private static let mapResponse = """
    02810000 00000e10 0000004d 000000000000000000000000 0102030405060708090a0b0c 11000000 1388 9c40 \
    00000000000000000000ffffcb007107
    """

  private func bytes(_ text: String) -> [UInt8] { Hex.decode(text.filter { $0 != " " })! }

  private func response(_ bytes: [UInt8]) throws(PCPError) -> PCPResponse {
    try bytes.lend { (raw) throws(PCPError) in try PCPResponse.parse(raw, to: request) }
  }

  private func error(_ bytes: [UInt8]) -> PCPError? {
    do throws(PCPError) {
      _ = try response(bytes)
      return nil
    } catch {
      return error
    }
  }

  @Test("requests are written as RFC 6887 draws them")
  func requests() throws {
    #expect(request.serialized() == bytes(Self.mapRequest))
    #expect(request.serialized().count == PCP.mapLength)
    let announce = PCPRequest(.announce, client: client)
    #expect(announce.serialized() == bytes("02000000 00000000 00000000000000000000ffffc0a80114"))
    for one in [request, announce] {
      #expect(try one.serialized().lend { try PCPRequest.parse($0) } == one)
    }
  }

  @Test("a response tells endpoint, lifetime and epoch")
  func responses() throws {
    let response = try response(bytes(Self.mapResponse))
    #expect(response.result == .success)
    #expect(response.lifetime == 3_600)
    #expect(response.epoch == 77)
    #expect(
      response.operation
        == .map(PCPMapping(nonce: nonce, internalPort: 5_000, external: external)))
    #expect(response.serialized() == bytes(Self.mapResponse))
    // What miniupnpd 2.3.1 answered to an ANNOUNCE.
    let announce = bytes("02800000 00000000 00000001 000000000000000000000000")
    let read = try announce.lend { try PCPResponse.parse($0, to: PCPRequest(.announce, client: client)) }
    #expect(read == PCPResponse(.announce, result: .success, epoch: 1))
  }

  @Test("options after the mapping are skipped")
  func options() throws {
    #expect(try response(bytes(Self.mapResponse) + [2, 0, 0, 0]) == response(bytes(Self.mapResponse)))
  }

  @Test(
    "refusals keep their code",
    arguments: [(1, "unsupported version"), (12, "address mismatch"), (99, nil)])
  func refusals(_ code: UInt8, _ name: String?) throws {
    var refusal = bytes(Self.mapResponse)
    refusal[3] = code
    #expect(try response(refusal).result == PCPResultCode(rawValue: code))
    #expect(PCPResultCode(rawValue: code).description == name ?? "result code \(code)")
  }

  @Test("answers to something else are told apart: nonce, transport, port, opcode")
  func foreign() {
    // The first and last byte of the nonce, the transport, the internal port.
    for index in [24, 35, 36, 41] {
      var foreign = bytes(Self.mapResponse)
      foreign[index] ^= 1
      #expect(error(foreign) == .notMine)
    }
    #expect(error(bytes("02800000 00000000 00000001 000000000000000000000000")) == .notMine)
  }

  @Test("hostile datagrams are refused")
  func hostile() {
    let good = bytes(Self.mapResponse)
    #expect(error([]) == .badLength)
    for count in 1..<good.count { #expect(error(Array(good.prefix(count))) == .badLength) }
    #expect(error(good + [0]) == .badLength)
    #expect(error(good + [UInt8](repeating: 0, count: PCP.maximumLength - good.count)) == nil)
    #expect(error(good + [UInt8](repeating: 0, count: PCP.maximumLength + 4 - good.count)) == .badLength)
    #expect(error(bytes(Self.mapRequest)) == .wrongDirection)
    #expect(error([2, 0xFF] + good.dropFirst(2)) == .unknownOpcode)
    // A NAT-PMP server's way of saying that it does not know version 2.
    #expect(error(bytes("00810001 0000004d")) == .unsupportedVersion)
    #expect(error([1] + good.dropFirst()) == .unsupportedVersion)
  }
}
