import Glibc
import Reactor

/// Asks yes or no at the terminal while the loop goes on.
///
/// The terminal's own line editing is in force, and its interrupt key sends its signal as always.
final class Question {
  /// What a line says.
  enum Reply: Equatable {
    case yes
    case no
    /// Neither: ask again.
    case unclear

    /// End of input never agrees.
    init(line: String, isYesUsual: Bool) {
      switch line.lowercased() {
      case "": self = isYesUsual ? .yes : .no
      case "y", "yes": self = .yes
      case "n", "no": self = .no
      default: self = .unclear
      }
    }
  }

  private static let mostAttempts = 3
  /// The most bytes of an answer.
  private static let mostBytes = 256

  private let terminal: Terminal
  private let text: String
  private let isYesUsual: Bool
  private let answer: (Bool) -> Void
  private var watcher: IOWatcher?
  private var line: [UInt8] = []
  private var attempts = 0

  /// Asks; `answer` is called once, on the loop.
  ///
  /// - Parameter isYesUsual: whether an empty line agrees, as it may when the same person has just typed the code. Where
  ///   it does not, what was typed before the question is no answer to it.
  init(
    _ loop: EventLoop, at terminal: Terminal, _ text: String, isYesUsual: Bool = true,
    answer: @escaping (Bool) -> Void
  ) {
    self.isYesUsual = isYesUsual
    self.terminal = terminal
    self.text = text
    self.answer = answer
    let watcher = loop.watch(terminal.descriptor) { [unowned self] _ in read() }
    watcher.interest = .readable
    self.watcher = watcher
    if !isYesUsual { tcflush(terminal.descriptor, TCIFLUSH) }
    ask()
  }

  /// Gives up without an answer, and leaves the question's line.
  func cancel() {
    guard watcher != nil else { return }
    stop()
    Console.write("\n", to: terminal.descriptor)
  }

  deinit { watcher?.cancel() }

  private func ask() {
    attempts += 1
    terminal.write("\(text) \(isYesUsual ? "[Y/n]" : "[y/N]") ")
  }

  private func read() {
    var buffer = [UInt8](repeating: 0, count: Self.mostBytes)
    let count = Glibc.read(terminal.descriptor, &buffer, buffer.count)
    if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
    guard count > 0 else { return finish(false) }
    line += buffer[..<count]
    guard let end = line.firstIndex(of: UInt8(ascii: "\n")) else {
      if line.count > Self.mostBytes { finish(false) }
      return
    }
    let words = line[..<end].split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
    line.removeAll()
    switch Reply(
      line: words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " "), isYesUsual: isYesUsual)
    {
    case .yes: finish(true)
    case .no: finish(false)
    case .unclear where attempts < Self.mostAttempts: ask()
    case .unclear: finish(false)
    }
  }

  private func finish(_ isYes: Bool) {
    stop()
    answer(isYes)
  }

  private func stop() {
    watcher?.cancel()
    watcher = nil
  }
}
