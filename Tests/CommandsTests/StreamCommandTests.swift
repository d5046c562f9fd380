import Basics
import Reactor
import Testing

@testable import Commands

@Suite struct StreamCommandTests {
  private let token = String(repeating: "A", count: 200)
  private let free = ServiceAddress.tcp(host: "127.0.0.1", port: 0)
  private let port = ServiceAddress.tcp(host: "127.0.0.1", port: 8_080)

  @Test func theFirstArgumentOfOpenIsTheToken() throws {
    let both = try OpenArguments([token, "8080"], hasToken: false)
    #expect(both.token == token && both.bind == port)
    let alone = try OpenArguments([token], hasToken: false)
    #expect(alone.token == token && alone.bind == free)
    // Also one that could be something else: what is wrong with it is said of a token.
    let odd = try OpenArguments(["8080", "unix:/a"], hasToken: false)
    #expect(odd.token == "8080" && odd.bind == .unix(path: "/a"))
  }

  @Test func anAddressAloneLeavesTheTokenToTheEnvironment() throws {
    for text in ["8080", "127.0.0.1:8080"] {
      let given = try OpenArguments([text], hasToken: false)
      #expect(given.token == nil && given.bind == port)
    }
    let nothing = try OpenArguments([], hasToken: false)
    #expect(nothing.token == nil && nothing.bind == free)
  }

  @Test func theOnlyArgumentBesideATokenOptionIsTheAddress() throws {
    let given = try OpenArguments(["8080"], hasToken: true)
    #expect(given.token == nil && given.bind == port)
    #expect(try OpenArguments([], hasToken: true).bind == free)
  }

  @Test func whatIsNoAddressIsAWrongCommandLine() {
    for (arguments, hasToken) in [
      (["a", "b", "c"], false), ([token, "nowhere"], false), (["8080", "9090"], true), ([token], true),
    ] {
      do throws(CommandFailure) {
        _ = try OpenArguments(arguments, hasToken: hasToken)
        Issue.record("\(arguments) was taken")
      } catch {
        #expect(error.status == ExitStatus.usage)
      }
    }
  }

  @Test func progressAndSummarySayWhatThereIs() {
    var counts = StreamHost.Counts()
    #expect(StreamProgress(counts: counts).text == "0 connections (0 so far), 0 B/s out, 0 B/s in")
    #expect(
      StreamProgress(counts: counts).summary(.zero).hasPrefix("0 connections; 0 B out, 0 B in, in "))
    counts.open = 1
    counts.total = 17
    counts.refused = 2
    counts.bytesSent = 1_200_000
    counts.bytesReceived = 340_000
    let progress = StreamProgress(counts: counts, path: .direct, rates: (1_200_000, 340_000))
    #expect(progress.text == "1 connection (17 so far), 1.2 MB/s out, 340 kB/s in, direct")
    #expect(
      progress.json.text
        == #"{"event":"progress","connections":1,"connectionsTotal":17,"bytesSent":1200000,"#
        + #""bytesReceived":340000,"bytesPerSecondSent":1200000,"bytesPerSecondReceived":340000,"path":"direct"}"#
    )
    #expect(
      progress.summary(.seconds(12)).hasPrefix("17 connections, 2 refused; 1.2 MB out, 340 kB in, in 12"))
  }
}
