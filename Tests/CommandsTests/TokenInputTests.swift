import Basics
import Glibc
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
      _ = try TokenUse.pipe.decode(text, nowUnixSeconds: 1_000)
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
      try TokenInput(argument: "x", file: "y").read()
    }
  }

  @Test func everyCommandTakesItsOwnTokensAlone() {
    let kinds: [(TokenCapabilities, TokenUse?)] = [
      ([.stdio, .native], .pipe), ([.stdioOffer, .native], .receive),
      ([.stdio, .native, .structured], .send),
      ([.share, .native], .open), ([.attach, .native], .sshAccept), ([.native], nil),
    ]
    for (capabilities, owner) in kinds {
      for use in [TokenUse.pipe, .receive, .send, .open, .sshAccept] {
        do throws(CommandFailure) {
          _ = try use.decode(token(capabilities), nowUnixSeconds: 1_000)
          #expect(use == owner)
        } catch {
          #expect(use != owner)
          #expect(error.status == ExitStatus.unusableToken)
          if let owner { #expect(error.message.contains("for `\(owner.rawValue)`")) }
        }
      }
    }
  }

  @Test func aTokenIsFoundInWhatWasPasted() {
    let token = token([.stdioOffer, .native])
    let head = token.prefix(70)
    let tail = token.dropFirst(70)
    let pastes = [
      token, "  \(token)\n", "derphole receive \(token)", "$ derphole receive '\(token)'\n",
      "derphole://receive?token=\(token)&v=1", "derphole://file?v=1&token=\(token)",
      "run: `derphole receive \(token)`.",
      "\(head)\n\(tail)", "derphole receive \(head)\r\n   \(tail)\n", "> \(head)\n> \(tail)",
      "derphole://receive?token=\(head)\n\(tail)&v=1", "derphole send --to \(token) photos",
    ]
    for paste in pastes {
      let found = TokenText.token(in: paste)
      #expect(found == token, "\(paste)")
      let isComplete = TokenText.isComplete(paste)
      #expect(isComplete)
    }
  }

  @Test func whatIsNoTokenIsNamedByItsLongestWord() {
    let part = String(token([.stdio]).dropLast(3))
    #expect(TokenText.token(in: "derphole receive \(part)") == part)
    #expect(!TokenText.isComplete(part))
    #expect(TokenText.token(in: " \n").isEmpty)
    #expect(TokenText.token(in: "derptun open DT1ABCDEF").hasPrefix("DT1"))
    let expired = token([.stdio], expires: 1)
    #expect(TokenText.isComplete(expired))
  }

  /// What follows the token on standard input stays there; lines are read only until the token is whole.
  @Test(arguments: [false, true]) func aFileIsReadAsFarAsTheToken(isBroken: Bool) throws {
    let token = token([.stdioOffer, .native])
    let text = isBroken ? "\(token.prefix(60))\n\(token.dropFirst(60))\n" : "derphole receive \(token)\n"
    let path = "/tmp/derphole-token-test-\(getpid())-\(isBroken)"
    let descriptor = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0o600)
    defer { unlink(path) }
    #expect(write(descriptor, text, text.utf8.count) == text.utf8.count)
    close(descriptor)
    let found = try TokenInput(names: .code, file: path).read()
    #expect(found == token)
  }

  @Test func optionsAreNamedWhenNothingWasGiven() {
    do throws(CommandFailure) {
      _ = try TokenInput(names: .recipient, readsEnvironment: false).read()
      Issue.record("nothing was given")
    } catch {
      #expect(error.message.contains("--to-file, --to-stdin or --to-prompt"))
      #expect(error.status == ExitStatus.usage)
    }
  }

  @Test func repliesToAQuestion() {
    for (line, reply) in [
      ("", Question.Reply.yes), ("y", .yes), ("YES", .yes), ("n", .no), ("No", .no), ("maybe", .unclear),
    ] {
      #expect(Question.Reply(line: line, isYesUsual: true) == reply)
      // AUK-7: where an empty line is a no, everything else means the same.
      #expect(Question.Reply(line: line, isYesUsual: false) == (line.isEmpty ? .no : reply))
    }
  }
}
