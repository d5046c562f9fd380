import Basics
import Crypto
import Testing
import Wire

@testable import Engine

@Suite("Keys of frames")
struct FrameKeysTests {
  private func pair(framesPerEpoch: UInt64 = 4, lane: Lane = .direct) throws -> (FrameSealer, FrameOpener) {
    let secret = (0..<32).map { UInt8($0) }
    return (
      try FrameSealer(secret: SecretBytes(secret), lane: lane, framesPerEpoch: framesPerEpoch),
      try FrameOpener(secret: SecretBytes(secret), lane: lane, framesPerEpoch: framesPerEpoch)
    )
  }

  private func seal(_ sealer: inout FrameSealer, _ number: UInt64, _ text: String) throws -> [UInt8] {
    var frame = [UInt8](repeating: 0, count: SessionFrameHeader.overhead + text.utf8.count)
    let payload = Array(text.utf8)
    let length = try frame.withUnsafeMutableBytes { frame in
      try payload.withUnsafeBytes { payload in
        try sealer.seal(.data, packetNumber: number, offset: number * 10, payload: payload, into: frame)
      }
    }
    #expect(length == frame.count)
    return frame
  }

  private func open(_ opener: inout FrameOpener, _ frame: [UInt8]) throws -> String {
    var frame = frame
    return try frame.withUnsafeMutableBytes { frame in
      let header = try SessionFrameHeader.parse(UnsafeRawBufferPointer(frame))
      return String(decoding: try opener.open(header, frame: frame), as: UTF8.self)
    }
  }

  @Test("Frames open in any order within an epoch and across a turn of it")
  func turn() throws {
    var (sealer, opener) = try pair()
    let frames = try (0..<8).map { try seal(&sealer, UInt64($0), "frame \($0)") }
    #expect(frames[3][3] == 0 && frames[4][3] == 1)
    for index in [1, 0, 5, 2, 4, 3, 7, 6] { #expect(try open(&opener, frames[index]) == "frame \(index)") }
  }

  @Test("Keys differ between epochs: a frame that claims another epoch does not open")
  func epochsDiffer() throws {
    var (sealer, opener) = try pair()
    var frame = try seal(&sealer, 1, "secret")
    frame[3] = 1
    #expect(throws: CryptoError.self) { try open(&opener, frame) }
    // Nor does one whose packet number was moved along with it.
    frame[11] = 5
    #expect(throws: CryptoError.self) { try open(&opener, frame) }
    #expect(try open(&opener, try seal(&sealer, 2, "still fine")) == "still fine")
  }

  @Test("A forged frame of the next epoch does not move the opener on")
  func forgedTurn() throws {
    var (sealer, opener) = try pair()
    let early = try seal(&sealer, 0, "early")
    var forged = try seal(&sealer, 4, "next")
    forged[forged.count - 1] ^= 1
    #expect(throws: CryptoError.self) { try open(&opener, forged) }
    #expect(try open(&opener, early) == "early")
  }

  @Test("Two epochs back, or five ahead, is out of reach")
  func reach() throws {
    var (sealer, opener) = try pair()
    let frames = try (0..<40).map { try seal(&sealer, UInt64($0), "frame \($0)") }
    #expect(throws: CryptoError.self) { try open(&opener, frames[20]) }
    #expect(try open(&opener, frames[4]) == "frame 4")
    #expect(try open(&opener, frames[8]) == "frame 8")
    #expect(try open(&opener, frames[5]) == "frame 5")
    #expect(throws: CryptoError.self) { try open(&opener, frames[3]) }
    #expect(throws: CryptoError.self) { try open(&opener, frames[28]) }
  }

  @Test("When whole epochs are lost the opener follows up to four ahead", arguments: 2...4)
  func jump(epochs: Int) throws {
    var (sealer, opener) = try pair()
    let frames = try (0..<24).map { try seal(&sealer, UInt64($0), "frame \($0)") }
    var forged = frames[epochs * 4]
    forged[forged.count - 1] ^= 1
    #expect(throws: CryptoError.self) { try open(&opener, forged) }
    #expect(try open(&opener, frames[0]) == "frame 0")
    #expect(try open(&opener, frames[epochs * 4]) == "frame \(epochs * 4)")
    // What was overtaken within the epoch before still opens, what is older does not.
    #expect(try open(&opener, frames[epochs * 4 - 1]) == "frame \(epochs * 4 - 1)")
    #expect(throws: CryptoError.self) { try open(&opener, frames[epochs * 4 - 5]) }
    #expect(try open(&opener, frames[epochs * 4 + 4]) == "frame \(epochs * 4 + 4)")
  }

  @Test("A frame of another lane does not open, though the secret is the same")
  func lanes() throws {
    var (sealer, _) = try pair(lane: .relay)
    var (_, opener) = try pair(lane: .direct)
    var frame = try seal(&sealer, 0, "relayed")
    #expect(throws: CryptoError.self) { try open(&opener, frame) }
    frame[2] = Lane.direct.rawValue
    #expect(throws: CryptoError.self) { try open(&opener, frame) }
  }

  @Test("The visible header is authenticated", arguments: [1, 2, 3, 10, 19])
  func header(index: Int) throws {
    var (sealer, opener) = try pair(framesPerEpoch: 1 << 23)
    var frame = try seal(&sealer, 3, "payload")
    frame[index] ^= index == 1 ? 3 : 1
    #expect(throws: (any Error).self) { try open(&opener, frame) }
  }
}
