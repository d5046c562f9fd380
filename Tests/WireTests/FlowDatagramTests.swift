import Basics
import Testing

@testable import Wire

@Suite("Datagrams of flows")
struct FlowDatagramTests {
  private func load(_ text: String) -> (value: UInt64, length: Int)? {
    Hex.decode(text)!.withUnsafeBytes { QUICInteger.load($0) }
  }

  private func stored(_ value: UInt64) -> String {
    withUnsafeTemporaryAllocation(byteCount: QUICInteger.maximumLength, alignment: 1) { buffer in
      Hex.encode(Array(buffer[..<QUICInteger.store(value, into: buffer)]))
    }
  }

  @Test(
    "DGR-1: the examples of RFC 9000, appendix A.1",
    arguments: [
      ("c2197c5eff14e88c", 151_288_809_941_952_652, 8), ("9d7f3e7d", 494_878_333, 4), ("7bbd", 15_293, 2),
      ("25", 37, 1),
    ] as [(String, UInt64, Int)])
  func examples(_ hex: String, _ value: UInt64, _ length: Int) throws {
    let read = try #require(load(hex))
    #expect(read.value == value)
    #expect(read.length == length)
    #expect(stored(value) == hex)
  }

  @Test("a longer form than needed is a value, too")
  func longForm() throws {
    let read = try #require(load("4025"))
    #expect(read.value == 37)
    #expect(read.length == 2)
  }

  @Test(
    "each length ends where the next begins",
    arguments: [(6, 1, 2), (14, 2, 4), (30, 4, 8)] as [(UInt64, Int, Int)])
  func borders(_ bits: UInt64, _ below: Int, _ above: Int) {
    for (value, length) in [(1 << bits - 1, below), (1 << bits, above)] as [(UInt64, Int)] {
      #expect(QUICInteger.length(of: value) == length)
      #expect(load(stored(value))?.value == value)
    }
    #expect(load(stored(QUICInteger.maximum))?.value == QUICInteger.maximum)
  }

  @Test("a number that is cut short is none", arguments: ["", "40", "800000", "c0000000000000"])
  func cutShort(_ hex: String) {
    let bytes = Hex.decode(hex)!
    #expect(throws: FlowDatagramError.truncated) {
      try bytes.withUnsafeBytes { _ = try FlowDatagram.parse($0) }
    }
  }

  @Test("DGR-1: a payload may be empty, and is never larger than UDP's")
  func payloads() throws {
    try [UInt8]([5]).withUnsafeBytes {
      let datagram = try FlowDatagram.parse($0)
      #expect(datagram.flow == 5)
      #expect(datagram.payload.isEmpty)
    }
    var bytes = [UInt8](repeating: 0, count: 1 + FlowDatagram.maximumPayload)
    #expect(try bytes.withUnsafeBytes { try FlowDatagram.parse($0).payload.count } == 65_527)
    bytes.append(0)
    #expect(throws: FlowDatagramError.tooLong) {
      try bytes.withUnsafeBytes { _ = try FlowDatagram.parse($0) }
    }
  }

  @Test("the number is put before a payload that stays where it is", arguments: [0, 63, 64, 70_000, 1 << 40])
  func prepending(_ flow: UInt64) {
    var bytes = [UInt8](repeating: 0xee, count: FlowDatagram.maximumHeaderLength) + Array("payload".utf8)
    let start = bytes.withUnsafeMutableBytes {
      FlowDatagram.prepend(flow, to: $0, payloadStart: FlowDatagram.maximumHeaderLength)
    }
    let whole = Array(bytes[start...])
    whole.withUnsafeBytes {
      let datagram = try? FlowDatagram.parse($0)
      #expect(datagram?.flow == flow)
      #expect(datagram?.payload.elementsEqual("payload".utf8) == true)
      #expect(datagram?.serialized() == whole)
    }
    #expect(bytes[..<start].allSatisfy { $0 == 0xee })
  }
}
