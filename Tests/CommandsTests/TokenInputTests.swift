import Basics
import Testing
import Wire

@testable import Commands

@Suite struct TokenInputTests {
  private func token(_ capabilities: TokenCapabilities, expires: Int64 = 2_000) -> String {
    SessionToken(
      sessionID: Bytes16(high: 1, low: 2), expiresUnixSeconds: expires, bootstrapRegion: 1,
      derpPublic: Bytes32(words: (1, 2, 3, 4)), quicPublic: Bytes32(words: (1, 2, 3, 5)),
      bearerSecret: Bytes32(words: (9, 9, 9, 9)), capabilities: capabilities
    ).encoded()
  }

  private func message(_ text: String) -> String? {
    do {
      _ = try TokenInput.decodeForPipe(text, nowUnixSeconds: 1_000)
      return nil
    } catch {
      #expect(error.status == ExitStatus.unusableToken)
      return error.message
    }
  }

  @Test func aTokenOfListenIsTaken() {
    #expect(message(token([.stdio, .native])) == nil)
    #expect(message(token([.stdio, .native, .plainHTTP])) == nil)
  }

  @Test func aTokenForAnotherCommandNamesThatCommand() throws {
    #expect(try #require(message(token([.stdioOffer, .native]))).contains("derphole receive"))
    #expect(try #require(message(token([.share]))).contains("derphole open"))
    #expect(try #require(message(token([.attach]))).contains("derphole ssh accept"))
    #expect(try #require(message("DT1ABC")).contains("derptun"))
  }

  @Test func aTokenOfAnotherProgramIsNotTried() throws {
    #expect(try #require(message(token([.stdio, .transferV2]))).contains("another derphole program"))
  }

  @Test func expiredAndDamagedTokensSayWhichTheyAre() throws {
    #expect(try #require(message(token([.stdio, .native], expires: 999))).contains("expired"))
    let good = token([.stdio, .native])
    let damaged = (good.first == "B" ? "C" : "B") + good.dropFirst()
    #expect(try #require(message(String(damaged))).contains("damaged"))
    #expect(try #require(message(String(good.dropLast(5)))).contains("damaged"))
    #expect(try #require(message("not a token")).contains("damaged"))
  }

  @Test func twoSourcesForOneTokenAreTooMany() {
    #expect(throws: CommandFailure.self) {
      try TokenInput(argument: "x", file: "y", fromStandardInput: false).read()
    }
  }
}
