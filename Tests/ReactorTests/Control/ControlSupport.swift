import Basics
import Glibc
import Wire

@testable import Reactor

/// A directory for the control sockets of one test.
final class ControlScratch {
  let path: String

  init() {
    var template = Array("/tmp/derptun-control-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template))
  }

  deinit {
    for entry in ["control", ""] {
      let folder = entry.isEmpty ? path : "\(path)/\(entry)"
      guard let directory = opendir(folder) else { continue }
      while let found = readdir(directory) {
        let name = withUnsafeBytes(of: &found.pointee.d_name) {
          String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != "..", unlink("\(folder)/\(name)") != 0 { rmdir("\(folder)/\(name)") }
      }
      closedir(directory)
    }
    rmdir(path)
  }

  var control: String { "\(path)/control" }

  func directory() throws(ReactorError) -> ControlDirectory { try .prepared(at: control) }

  func exists(_ name: String) -> Bool { access("\(control)/\(name)", F_OK) == 0 }
}

/// A client that says what it likes and keeps what comes.
final class RawPeer {
  private let stream: PlainStream
  private var watcher: StreamWatcher?
  private(set) var received: [UInt8] = []
  /// What to say when something comes, before ending the connection.
  var lastWord: String?
  /// Whether the other side has ended the connection.
  private(set) var hasEnded = false

  /// Takes over a connected socket.
  init(_ loop: EventLoop, _ descriptor: Int32) {
    stream = PlainStream(descriptor: descriptor)
    watcher = StreamWatcher(loop, stream, readable: { [weak self] in self?.read() }, writable: {})
    watcher?.wantsRead = true
  }

  convenience init(_ loop: EventLoop, path: String) throws(ReactorError) {
    let descriptor = try UnixSocket.make()
    precondition(UnixSocket.withAddress(path) { connect(descriptor, $0, $1) } == 0)
    self.init(loop, descriptor)
  }

  deinit { close() }

  var text: String { String(decoding: received, as: UTF8.self) }

  func send(_ text: String) { _ = try? put(Array(text.utf8), to: stream) }

  func close() {
    watcher?.cancel()
    stream.close()
  }

  private func read() {
    guard let (result, bytes) = try? take(65_536, from: stream) else { return end() }
    received += bytes
    if result == .end { return end() }
    if let lastWord {
      send(lastWord)
      close()
    }
  }

  private func end() {
    hasEnded = true
    watcher?.cancel()
  }
}

extension TestLoop {
  /// Runs until something is so; false when it never came to that.
  func run(until isDone: @escaping () -> Bool) -> Bool {
    func look() {
      if isDone() { return loop.stop() }
      // Work that queues itself lets events through in between.
      loop.defer(look)
    }
    loop.defer(look)
    return run()
  }
}
