import Basics
import Relaying
import Testing
import Wire

@Suite struct STUNTests {
  static let request =
    "000100142112a4420102030405060708090a0b0c802200087461696c6e6f646580280004b32c370f"

  func answer(_ hex: String, _ source: String) -> String? {
    hexBytes(hex).withUnsafeBytes { STUNResponder.answer(to: $0, from: IPEndpoint(source)!) }.map {
      Hex.encode($0.bytes)
    }
  }

  @Test("the recorded request, over IPv4 and IPv6")
  func recorded() {
    #expect(
      answer(Self.request, "203.0.113.9:50123")
        == "0101000c2112a4420102030405060708090a0b0c002000080001e2d9ea12d54b")
    #expect(
      answer(Self.request, "[2001:db8::5]:50123")
        == "010100182112a4420102030405060708090a0b0c002000140002e2d90113a9fa0102030405060708090a0b09")
  }

  @Test("what deserves no answer gets none")
  func silence() {
    let request = Self.request
    let source = "203.0.113.9:50123"
    #expect(answer(String(request.dropLast(16)), source) == nil)
    #expect(answer(String(request.dropLast(1)) + "e", source) == nil)
    #expect(answer(request.replacing("7461696c6e6f6465", with: "7461696c6e6f6464"), source) == nil)
    #expect(answer("0101000c2112a4420102030405060708090a0b0c002000080001e2d9ea12d54b", source) == nil)
    for length in stride(from: 0, to: request.count, by: 2) {
      #expect(answer(String(request.prefix(length)), source) == nil)
    }
  }

  @Test("a change of the port is done, nothing else is changed, and the answer is no larger than the request")
  func changes() throws {
    var generator = SeededGenerator(seed: 1)
    let id = STUNTransactionID(random: &generator)
    for (change, isFromOtherPort) in [
      (STUNChange.port, true), (.address, false), ([.port, .address], false), ([], false),
    ] {
      for source in ["203.0.113.9:50123", "[2001:db8::5]:50123"] {
        let request = STUNMessage.request(id, change: change)
        let answer = try #require(
          request.withUnsafeBytes { STUNResponder.answer(to: $0, from: IPEndpoint(source)!) })
        #expect(answer.isFromOtherPort == isFromOtherPort)
        #expect(answer.bytes == STUNMessage.response(id, from: IPEndpoint(source)!))
        #expect(answer.bytes.count <= request.count + (change.isEmpty ? 4 : 0))
      }
    }
  }
}
