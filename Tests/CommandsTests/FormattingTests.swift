import Basics
import Engine
import Testing

@testable import Commands

@Suite struct FormattingTests {
  @Test func sizesAreDecimalWithOneDigitBelowAHundred() {
    #expect(RateFormat.size(0) == "0 B")
    #expect(RateFormat.size(999) == "999 B")
    #expect(RateFormat.size(1_000) == "1.0 kB")
    #expect(RateFormat.size(67_108_864) == "67.1 MB")
    #expect(RateFormat.size(999_950_000) == "1.0 GB")
    #expect(RateFormat.size(.max) == "18.4 EB")
  }

  @Test func durations() {
    #expect(RateFormat.duration(.milliseconds(340)) == "340 ms")
    #expect(RateFormat.duration(.milliseconds(12_345)) == "12.3 s")
  }

  /// Failures carry a peer's words.
  @Test func whatAPeerSaysIsHarmlessOnATerminal() {
    let failure = SessionFailure.peerAborted(reason: "\u{1B}[2Jgone\nroot# \u{202E}olleh")
    let text = failure.description
    #expect(!text.unicodeScalars.contains { $0.value < 0x20 || $0 == "\u{202E}" })
    #expect(text.contains("gone"))
  }

  @Test func jsonLinesEscapeEverythingThatJSONWantsEscaped() {
    var line = JSONLine(event: "x")
    line.add("text", "a\"b\\c\nd\u{01}")
    line.add("number", Int64(-3))
    line.add("yes", true)
    #expect(line.text == #"{"event":"x","text":"a\"b\\c\nd\u0001","number":-3,"yes":true}"#)
  }

  @Test func everyFailureHasItsExitStatus() {
    #expect(ExitStatus.of(.tokenExpired) == 3)
    #expect(ExitStatus.of(.refused(code: "claimed", reason: "")) == 4)
    #expect(ExitStatus.of(.relayUnreachable("")) == 5)
    #expect(ExitStatus.of(.peerSilent) == 6)
    #expect(ExitStatus.of(.outputFailed("")) == 2)
    #expect(ExitStatus.of(.cancelled) == 130)
  }
}
