import Testing

@testable import Commands

@Suite struct SSHCommandTests {
  @Test("AUK-8: only plain names become part of a command")
  func plainWords() {
    for word in ["deploy", "vps-1.example.net", "a_b", "R2D2"] { #expect(CommandWord.plain(word) == word) }
    for word in ["", "-oProxyCommand=x", ".hidden", "a b", "a;b", "$(x)", "a@b", "ä", "a\nb"] {
      #expect(CommandWord.plain(word) == nil)
    }
  }

  @Test func expiries() throws {
    #expect(KeyExpiry("90m")?.text(nowUnixSeconds: 0) == "19700101013000Z")
    #expect(KeyExpiry("1d")?.text(nowUnixSeconds: 86_400) == "19700103000000Z")
    #expect(KeyExpiry("2026-12-31T23:59:59Z")?.text(nowUnixSeconds: 0) == "20261231235959Z")
    for text in ["", "0d", "-1d", "+1d", "1w", "d", "2026-02-31T00:00:00Z", "2026-12-31", "99999999999d"] {
      #expect(KeyExpiry(text) == nil, "\(text)")
    }
  }

  @Test func expiredBeforeItIsWritten() throws {
    let expiry = try #require(KeyExpiry("1970-01-02T00:00:00Z"))
    #expect(expiry.isPast(nowUnixSeconds: 86_400))
    #expect(!expiry.isPast(nowUnixSeconds: 86_399))
    #expect(KeyExpiry("1m")?.isPast(nowUnixSeconds: 86_400) == false)
  }
}
