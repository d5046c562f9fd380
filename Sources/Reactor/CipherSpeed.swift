import Basics
import Crypto
import Engine

/// Finds out which cipher, from which library, this processor is fastest with. Takes about a tenth of a millisecond.
public enum CipherSpeed {
  /// What is sealed: a datagram of 1,358 bytes, so often.
  private static let length = 1_358
  private static let repetitions = 24

  /// The fastest AES-256-GCM, and whether ChaCha20-Poly1305 is faster still.
  public static func choice(_ loop: EventLoop) -> CipherChoice {
    var best: (suite: CipherSuite, time: Interval)?
    var chaCha: Interval?
    for suite in CipherSuite.available {
      guard let time = measure(suite, loop) else { continue }
      if suite.cipher == .chaCha20Poly1305 {
        chaCha = min(chaCha ?? time, time)
      } else if time < best?.time ?? time + .seconds(1) {
        best = (suite, time)
      }
    }
    guard let best else { return CipherChoice() }
    return CipherChoice(aes: best.suite, prefersChaCha: chaCha.map { $0 < best.time } ?? false)
  }

  /// The shortest of three measurements; nil when the suite cannot be used.
  private static func measure(_ suite: CipherSuite, _ loop: EventLoop) -> Interval? {
    guard let key = try? FrameKey(key: SecretBytes(count: FrameKey.keyLength) { _ in }, suite: suite) else {
      return nil
    }
    return withUnsafeTemporaryAllocation(byteCount: length + FrameKey.tagLength, alignment: 64) { buffer in
      let plaintext = UnsafeRawBufferPointer(rebasing: buffer[..<length])
      buffer.initializeMemory(as: UInt8.self, repeating: 0)
      var shortest: Interval?
      var number: UInt64 = 0
      for _ in 0..<3 {
        let start = loop.now
        for _ in 0..<repetitions / 3 {
          let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
          guard
            (try? key.seal(
              lane: 0, packetNumber: number, associatedData: nothing, plaintext: plaintext, into: buffer))
              != nil
          else { return nil }
          number += 1
        }
        let time = loop.now - start
        shortest = min(shortest ?? time, time)
      }
      return shortest
    }
  }
}
