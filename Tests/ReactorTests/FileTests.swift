import Basics
import Foundation
import Testing
import Testing

@testable import Reactor

/// What standard input or output may be connected to.
enum Connection: String, CaseIterable, Sendable {
  case pipe, unixSocket, terminal
}

@Suite struct FileTests {
  @Test(arguments: Connection.allCases)
  func inputArrivesWithoutBlockingAndFlagsStay(_ kind: Connection) throws {
    let test = try TestLoop()
    let (readEnd, writeEnd) = try open(kind)
    let before = fcntl(readEnd, F_GETFL)
    var source: InputSource?
    var received: [UInt8] = []
    var ended = false
    source = try InputSource(test.loop, descriptor: readEnd, name: "input") {
      guard let source, let (result, bytes) = try? take(from: source) else { return test.loop.stop() }
      received += bytes
      ended = result == .end
      if ended || received.count == 5 { test.loop.stop() }
    }
    let input = try #require(source)
    #expect(input.size == nil)
    // Nothing there: a blocking read would hang the test here.
    #expect(try take(from: input).0 == .wouldBlock)
    #expect(write(writeEnd, "abcd\n", 5) == 5)
    input.wantsRead = true
    #expect(test.run())
    #expect(received == Array("abcd\n".utf8))
    close(writeEnd)
    #expect(test.run())
    #expect(ended)
    #expect(fcntl(readEnd, F_GETFL) == before)
    input.close()
    #expect(throws: FileError.self) { _ = try take(from: input) }
    #expect(fcntl(readEnd, F_GETFD) >= 0)
    close(readEnd)
  }

  @Test(arguments: [Connection.pipe, .unixSocket])
  func outputStopsWhenFullAndResumes(_ kind: Connection) throws {
    let test = try TestLoop()
    let (readEnd, writeEnd) = try open(kind)
    let before = fcntl(writeEnd, F_GETFL)
    let payload = (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
    var sent = 0
    var received: [UInt8] = []
    var sink: OutputSink?
    sink = try OutputSink(test.loop, descriptor: writeEnd, name: "output") {
      guard let sink else { return }
      sent += (try? give(payload[sent...], to: sink)) ?? 0
      if sent == payload.count {
        try? sink.close()
        close(writeEnd)
      }
    }
    let output = try #require(sink)
    sent = try give(payload[...], to: output)
    #expect(sent > 0 && sent < payload.count)
    #expect(try give(payload[sent...], to: output) == 0)
    let source = try InputSource(test.loop, descriptor: readEnd, name: "input") {}
    let reader = test.loop.watch(readEnd) { _ in
      guard let (result, bytes) = try? take(from: source) else { return }
      received += bytes
      if result == .end { test.loop.stop() }
    }
    reader.interest = .readable
    output.wantsWrite = true
    #expect(test.run())
    #expect(received == payload)
    if kind == .unixSocket { #expect(before & O_NONBLOCK == 0) }
    reader.cancel()
    close(readEnd)
  }

  /// A pipe of another user cannot be opened anew; then every step is asked for before.
  @Test func aPipeThatCannotBeReopenedDoesNotBlockEither() throws {
    let test = try TestLoop()
    let (readEnd, writeEnd) = try open(.pipe)
    defer { close(readEnd) }
    var received = 0
    var sent = 0
    let block = [UInt8](repeating: 9, count: 3_000_000)
    let sink = try OutputSink(test.loop, writeEnd, "output", owned: false, folder: "/nonexistent") {}
    let source = try InputSource(test.loop, readEnd, "input", owned: false, folder: "/nonexistent") {}
    #expect(try take(from: source).0 == .wouldBlock)
    // By turns, in one thread: a blocking step of either would hang the test.
    while received < block.count {
      let given = try give(block[sent...], to: sink)
      sent += given
      let (_, bytes) = try take(from: source)
      received += bytes.count
      #expect(given > 0 || !bytes.isEmpty)
    }
    close(writeEnd)
    #expect(try take(from: source).0 == .end)
  }

  @Test(arguments: [Connection.pipe, .unixSocket])
  func aReaderThatLeavesIsABrokenPipe(_ kind: Connection) throws {
    let test = try TestLoop()
    let (readEnd, writeEnd) = try open(kind)
    defer { close(writeEnd) }
    let sink = try OutputSink(test.loop, descriptor: writeEnd, name: "output") {}
    #expect(try give([1, 2, 3], to: sink) == 3)
    close(readEnd)
    #expect(throws: FileError.brokenPipe) { _ = try give([4], to: sink) }
  }

  @Test func aTerminalTakesOutput() throws {
    let test = try TestLoop()
    let (readEnd, writeEnd) = try open(.terminal)
    defer { close(readEnd); close(writeEnd) }
    // The "read end" is the terminal itself, as a program has it for input and output alike.
    let sink = try OutputSink(test.loop, descriptor: readEnd, name: "output") {}
    #expect(try give(Array("hello".utf8)[...], to: sink) == 5)
    var buffer = [UInt8](repeating: 0, count: 5)
    #expect(read(writeEnd, &buffer, 5) == 5)
    #expect(buffer == Array("hello".utf8))
  }

  @Test func aFullDiskIsSaid() throws {
    let test = try TestLoop()
    let sink = try OutputSink(test.loop, path: "/dev/full") {}
    #expect(throws: FileError.noSpace) { _ = try give([1, 2, 3], to: sink) }
  }

  @Test func aRegularFileIsWrittenAndReadInLargeSteps() throws {
    let test = try TestLoop()
    let path = NSTemporaryDirectory() + "/reactor-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let payload = (0..<1_000_003).map { UInt8(truncatingIfNeeded: $0 &* 11) }
    let sink = try OutputSink(test.loop, path: path) {}
    #expect(try give(payload[...], to: sink) == payload.count)
    try sink.close()
    #expect(throws: FileError.self) { _ = try give([1], to: sink) }
    var received: [UInt8] = []
    var opened: InputSource?
    opened = try InputSource(test.loop, path: path) {
      guard let opened, let (result, bytes) = try? take(from: opened) else { return test.loop.stop() }
      received += bytes
      if result == .end { test.loop.stop() }
    }
    #expect(opened?.size == Int64(payload.count))
    opened?.wantsRead = true
    #expect(test.run())
    #expect(received == payload)
  }

  @Test func whatCannotBeUsedIsRefusedAtOnce() throws {
    let test = try TestLoop()
    #expect(throws: FileError.self) { try InputSource(test.loop, path: "/nonexistent/file") {} }
    #expect(throws: FileError.system(SystemError("output", code: EBADF))) {
      try OutputSink(test.loop, descriptor: 9_999, name: "output") {}
    }
    let (readEnd, writeEnd) = try open(.pipe)
    defer { close(readEnd); close(writeEnd) }
    #expect(throws: FileError.system(SystemError("output", code: EBADF))) {
      try OutputSink(test.loop, descriptor: readEnd, name: "output") {}
    }
    #expect(throws: FileError.system(SystemError("input", code: EBADF))) {
      try InputSource(test.loop, descriptor: writeEnd, name: "input") {}
    }
  }

  @Test func smallFilesAreReplacedWholeAndPrivate() throws {
    let folder = NSTemporaryDirectory() + "/reactor-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/a/b/file"
    try SmallFile.replace(path, with: [1, 2, 3])
    try SmallFile.replace(path, with: [4, 5])
    #expect(try SmallFile.read(path, limit: 2) == [4, 5])
    #expect(throws: SystemError(path, code: EFBIG)) { try SmallFile.read(path, limit: 1) }
    var status = stat()
    stat(path, &status)
    #expect(status.st_mode & 0o777 == 0o600)
    stat(folder + "/a", &status)
    #expect(status.st_mode & 0o777 == 0o700)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/a/b") == ["file"])
  }

  /// Both ends, the reading one first. A terminal's echo is off, its reading end is the terminal.
  private func open(_ kind: Connection) throws -> (Int32, Int32) {
    switch kind {
    case .pipe:
      var pair: [Int32] = [0, 0]
      try #require(pipe(&pair) == 0)
      return (pair[0], pair[1])
    case .unixSocket:
      return socketPair()
    case .terminal:
      var (controller, terminal): (Int32, Int32) = (0, 0)
      try #require(
        openpty(&controller, &terminal, nil, nil, nil) == 0,
        "no pseudo-terminal to be had: is /dev/pts mounted?")
      return (terminal, controller)
    }
  }
}

private func take(from source: InputSource) throws -> (ReadResult, [UInt8]) {
  var buffer = [UInt8](repeating: 0, count: 262_144)
  let result = try buffer.withUnsafeMutableBytes { (raw) throws(FileError) in try source.read(into: raw) }
  if case .bytes(let count) = result { return (result, Array(buffer[..<count])) }
  return (result, [])
}

private func give(_ bytes: ArraySlice<UInt8>, to sink: OutputSink) throws -> Int {
  try bytes.withUnsafeBytes { (raw) throws(FileError) in try sink.write(raw) }
}
