import Logging
import Testing

@testable import Commands

@Suite struct ConsoleLogHandlerTests {
  @Test func aPersonGetsTheBareMessageAndWarningsWithTheirLevel() {
    let handler = ConsoleLogHandler(level: .trace, isJSON: false)
    #expect(handler.text(of: .debug, "connected-relay", ["event": "detail"]) == "connected-relay")
    #expect(handler.text(of: .warning, "no TLS", [:]) == "derphole: warning: no TLS")
  }

  @Test func aProgramGetsOneObjectWithTheMetadataInOrder() {
    let handler = ConsoleLogHandler(level: .trace, isJSON: true)
    #expect(
      handler.text(of: .trace, "a\nb", ["rule": "CLM-1", "event": "transition", "machine": "claim"])
        == #"{"event":"transition","machine":"claim","rule":"CLM-1","message":"a\nb"}"#)
    #expect(handler.text(of: .warning, "x", [:]) == #"{"event":"warning","message":"x"}"#)
  }
}
