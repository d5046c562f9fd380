import Glibc
import Reactor
import Testing

@testable import Commands

@Suite struct QuestionTests {
  /// What a person types, what it means, and how often they are asked.
  @Test(arguments: [
    ("\n", true, 1), ("y\n", true, 1), ("  YES \n", true, 1), ("n\n", false, 1), ("what?\ny\n", true, 2),
    ("a\nb\nc\n", false, 3), ("\u{4}", false, 1), ("y\u{4}es\n", true, 1),
  ]) func answers(_ typed: String, _ expected: Bool, _ times: Int) throws {
    var person: Int32 = -1
    var program: Int32 = -1
    try #require(openpty(&person, &program, nil, nil, nil) == 0)
    defer { close(person) }
    _ = fcntl(program, F_SETFL, fcntl(program, F_GETFL) | O_NONBLOCK)
    var settings = termios()
    tcgetattr(program, &settings)
    settings.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(program, TCSANOW, &settings)
    let loop = try EventLoop()
    var answer: Bool?
    do {
      let question = Question(loop, at: Terminal(owning: program), "Accept \u{1B}[2J?") {
        answer = $0
        loop.stop()
      }
      #expect(write(person, typed, typed.utf8.count) == typed.utf8.count)
      loop.run()
      withExtendedLifetime(question) {}
    }
    // The terminal is closed now; one read may bring less than all that was written to it.
    var written: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1_024)
    while case let count = read(person, &buffer, buffer.count), count > 0 { written += buffer[..<count] }
    let text = String(decoding: written, as: UTF8.self)
    #expect(!text.contains("\u{1B}"))
    let shown = text.split(separator: "[Y/n]", omittingEmptySubsequences: false).count - 1
    #expect(answer == expected)
    #expect(shown == times)
  }

  @Test("AUK-7: what was typed before a question is no answer where silence means no") func typedBefore()
    throws
  {
    var person: Int32 = -1
    var program: Int32 = -1
    try #require(openpty(&person, &program, nil, nil, nil) == 0)
    defer { close(person) }
    _ = fcntl(program, F_SETFL, fcntl(program, F_GETFL) | O_NONBLOCK)
    let loop = try EventLoop()
    var answer: Bool?
    #expect(write(person, "y\n", 2) == 2)
    let question = Question(loop, at: Terminal(owning: program), "Accept?", isYesUsual: false) {
      answer = $0
      loop.stop()
    }
    #expect(write(person, "\n", 1) == 1)
    loop.run()
    withExtendedLifetime(question) {}
    #expect(answer == false)
  }
}
