import Basics
import Testing

@testable import Wire

@Suite("STUN")
struct STUNTests {
  private let vectors = try! Vector.load("stun")

  private var id: STUNTransactionID { STUNTransactionID(vectors["tx_id_hex"].bytes)! }

  private func outcome(_ request: [UInt8]) -> String? {
    do {
      _ = try request.lend { (raw) throws(STUNError) in try STUNMessage.parseRequest(raw) }
      return nil
    } catch {
      return error.description
    }
  }

  @Test("the request is upstream's, and reads back")
  func request() throws {
    let bytes = STUNMessage.request(id)
    #expect(bytes == vectors["request_hex"].bytes)
    #expect(bytes.count == STUNMessage.requestLength)
    #expect(try bytes.lend { try STUNMessage.parseRequest($0) } == id)
  }

  @Test("responses give upstream's address or error")
  func responses() {
    for one in vectors["responses"].list {
      let bytes = one["hex"].bytes
      let name = one["name"].text
      #expect(bytes.lend(STUNMessage.isSTUN) == one["is_stun"].bool, "\(name)")
      do {
        let result = try bytes.lend { (raw) throws(STUNError) in try STUNMessage.parseResponse(raw) }
        #expect(result.endpoint.description == one["address"].optionalText, "\(name)")
        #expect(result.id.array == one["tx_id_hex"].bytes, "\(name)")
      } catch {
        #expect(error.description == one["error"].optionalText, "\(name)")
      }
    }
  }

  @Test("a response of ours is the one that upstream's server sends")
  func ownResponses() throws {
    for one in vectors["responses"].list.prefix(2) {
      let endpoint = try #require(IPEndpoint(one["address"].text))
      #expect(STUNMessage.response(id, from: endpoint) == one["hex"].bytes)
    }
  }

  @Test("requests that Tailscale's server refuses are refused")
  func refusals() {
    let good = vectors["request_hex"].bytes
    let checks = vectors["server_side_checks_of_the_request"]
    #expect(outcome(good) == nil)
    #expect(outcome(Array(good.dropLast(8))) == checks["without_fingerprint"].text)
    var wrong = good
    wrong[39] ^= 1
    #expect(outcome(wrong) == checks["wrong_fingerprint"].text)
    wrong = good
    wrong[24] ^= 1
    #expect(outcome(wrong) == checks["wrong_software"].text)
    #expect(outcome([1, 1] + good.dropFirst(2)) == STUNError.notBindingRequest.description)
    #expect(outcome(Array(good.dropLast())) == STUNError.malformedAttributes.description)
  }

  @Test("a request for an answer from elsewhere (RFC 5780) reads back and is one for every server")
  func change() throws {
    let request = STUNMessage.request(id, change: .port)
    #expect(request.count == 48)
    #expect(Array(request[32..<40]) == [0, 3, 0, 4, 0, 0, 0, 2])
    #expect(try request.lend { try STUNMessage.parseRequest($0) } == id)
    #expect(request.lend(STUNMessage.change) == .port)
    let both = STUNMessage.request(id, change: [.port, .address])
    #expect(both.lend(STUNMessage.change) == [.port, .address])
    #expect(STUNMessage.request(id).lend(STUNMessage.change) == [])
    #expect(STUNMessage.request(id) == STUNMessage.request(id, change: []))
    for count in 0..<request.count - 8 {
      let change = Array(request.prefix(count)).lend(STUNMessage.change)
      #expect(change.isEmpty || count >= 40)
    }
  }

  @Test("an error response refuses its request")
  func refusal() {
    var error = STUNMessage.response(id, from: IPEndpoint("192.0.2.1:1")!)
    #expect(error.lend(STUNMessage.parseRefusal) == nil)
    error.replaceSubrange(0..<2, with: [1, 0x11])
    #expect(error.lend(STUNMessage.parseRefusal) == id)
    #expect(Array(error.prefix(19)).lend(STUNMessage.parseRefusal) == nil)
  }
}
