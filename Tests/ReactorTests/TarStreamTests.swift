import Foundation
import Testing
import Wire

@testable import Reactor

@Suite("Trees as tar archives between loop and threads")
struct TarStreamTests {
  /// Moves everything from one end to the other on the loop.
  private final class Pump {
    let reader: TarStreamReader
    let writer: TarStreamWriter
    let finished: (Result<Void, FileError>) -> Void
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 30_000, alignment: 1)
    private var pending = 0..<0
    private var isOver = false
    private(set) var moved = 0

    init(
      _ writer: TarStreamWriter, _ reader: TarStreamReader,
      _ finished: @escaping (Result<Void, FileError>) -> Void
    ) {
      (self.writer, self.reader, self.finished) = (writer, reader, finished)
      writer.readable = { [unowned self] in step() }
      reader.writable = { [unowned self] in step() }
      reader.failed = { [unowned self] in end(.failure($0)) }
      writer.wantsRead = true
    }

    deinit { buffer.deallocate() }

    private func end(_ result: Result<Void, FileError>) {
      guard !isOver else { return }
      isOver = true
      writer.wantsRead = false
      reader.wantsWrite = false
      finished(result)
    }

    private func step() {
      guard !isOver else { return }
      do throws(FileError) {
        while try move() {}
      } catch { end(.failure(error)) }
    }

    private func move() throws(FileError) -> Bool {
      if pending.isEmpty {
        let result = try writer.read(into: buffer)
        switch result {
        case .wouldBlock: return false
        case .end:
          isOver = true
          writer.wantsRead = false
          reader.finish(finished)
          return false
        case .bytes(let count):
          pending = 0..<count
          moved += count
        }
      }
      let count = try reader.write(UnsafeRawBufferPointer(rebasing: buffer[pending]))
      pending = (pending.lowerBound + count)..<pending.upperBound
      reader.wantsWrite = !pending.isEmpty
      writer.wantsRead = pending.isEmpty
      return pending.isEmpty
    }
  }

  private func failure(_ body: () throws(FileError) -> Void) -> String? {
    do throws(FileError) {
      try body()
      return nil
    } catch { return error.description }
  }

  @Test("a tree arrives as it was, whatever its names")
  func wholeTree() throws {
    let scratch = try Scratch()
    for name in ["s", "s/dir", "s/dir/é", "s/dir/e\u{301}x", "s/ro", "out"] { scratch.makeDirectory(name) }
    let long = String(repeating: "n", count: 250)
    let large = String(repeating: "0123456789abcdef", count: 300_000)
    scratch.put("s/large", large, mode: 0o600)
    for name in ["s/empty", "s/dir/é/日本", "s/dir/e\u{301}x/\(long)", "s/👩‍👩‍👧", "s/ro/f"] {
      scratch.put(name, name)
    }
    scratch.link("s/dir/l", "é/../../large")
    unlink(scratch.at("s/dir/l"))
    scratch.link("s/dir/l", "../👩‍👩‍👧")
    chmod(scratch.at("s/ro"), 0o555)
    utimes(scratch.at("s/dir"), [timeval(tv_sec: 1, tv_usec: 5), timeval(tv_sec: 1_234, tv_usec: 5)])

    let test = try TestLoop()
    let tree = try SourceTree([scratch.at("s")])
    let entries = tree.items.map(\.entry)
    let writer = try TarStreamWriter(test.loop, tree, wanted: Array(entries.indices))
    let reader = try TarStreamReader(
      test.loop, into: SafeDirectory(path: scratch.at("out")), existing: .refuse, entries: entries,
      wanted: Array(entries.indices))
    var result: Result<Void, FileError>?
    let pump = Pump(writer, reader) {
      result = $0
      test.loop.stop()
    }
    #expect(test.run())
    #expect(throws: Never.self) { try result?.get() }
    #expect(pump.moved > large.utf8.count)
    #expect(writer.progress.bytes == tree.bytes && reader.progress.bytes == tree.bytes)
    #expect(writer.progress.entries == UInt64(entries.count))
    #expect(reader.progress.entries == UInt64(entries.count))
    let again = try SourceTree([scratch.at("out")]).items.map(\.entry)
    let isSame = again == entries
    #expect(isSame)
    let isLargeSame = scratch.text("out/large") == large
    #expect(isLargeSame)
  }

  @Test("only what is wanted travels, and everything gets its modes and times")
  func resumed() throws {
    let scratch = try Scratch()
    for name in ["s", "s/d", "out", "out/d"] { scratch.makeDirectory(name) }
    for name in ["s/d/a", "s/d/b", "out/d/a"] { scratch.put(name, "content") }
    chmod(scratch.at("s/d"), 0o500)
    let test = try TestLoop()
    let tree = try SourceTree([scratch.at("s")])
    let entries = tree.items.map(\.entry)
    let writer = try TarStreamWriter(test.loop, tree, wanted: [2])
    let reader = try TarStreamReader(
      test.loop, into: SafeDirectory(path: scratch.at("out")), existing: .replace, entries: entries,
      wanted: [2])
    var result: Result<Void, FileError>?
    let pump = Pump(writer, reader) {
      result = $0
      test.loop.stop()
    }
    #expect(test.run())
    #expect(throws: Never.self) { try result?.get() }
    #expect(pump.moved < 4_000)
    #expect(scratch.text("out/d/b") == "content")
    #expect(scratch.mode("out/d") == 0o500)
  }

  // SFT-15
  @Test("a source that changes while it is read is an error", arguments: ["append", "truncate", "touch"])
  func changing(_ how: String) throws {
    let scratch = try Scratch()
    scratch.makeDirectory("s")
    let size = 1 << 20
    scratch.put("s/f", String(repeating: "x", count: size))
    let tree = try SourceTree([scratch.at("s")])
    final class Meddler: ArchiveOutput {
      var act: (() -> Void)?
      func put(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        act?()
        act = nil
      }
    }
    let meddler = Meddler()
    meddler.act = {
      switch how {
      case "append":
        let file = fopen(scratch.at("s/f"), "a")
        fputs("more", file)
        fclose(file)
      case "truncate": truncate(scratch.at("s/f"), 300_000)
      default: utimes(scratch.at("s/f"), [timeval(), timeval()])
      }
    }
    let archive = TarArchive(tree: tree, wanted: [0], progress: FileProgress())
    #expect(
      failure { () throws(FileError) in try archive.write(to: meddler) } == "f changed while it was read")
    #expect(meddler.act == nil)
  }

  @Test("an archive that was given up has no end")
  func noEnd() throws {
    let scratch = try Scratch()
    scratch.makeDirectory("s")
    scratch.put("s/a", "a")
    scratch.put("s/b", "b")
    let tree = try SourceTree([scratch.at("s")])
    scratch.put("s/b", "changed")
    let output = MemoryOutput()
    let archive = TarArchive(tree: tree, wanted: [0, 1], progress: FileProgress())
    #expect(
      failure { () throws(FileError) in try archive.write(to: output) } == "b changed while it was read")
    #expect(output.bytes.count < 2_048)
  }

  @Test("a failed source is an error of the stream and not its end")
  func failedSource() throws {
    let scratch = try Scratch()
    scratch.makeDirectory("s")
    scratch.put("s/a", "a")
    let tree = try SourceTree([scratch.at("s")])
    scratch.put("s/a", "changed")
    let test = try TestLoop()
    let writer = try TarStreamWriter(test.loop, tree, wanted: [0])
    var words: String?
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 5_000, alignment: 1)
    defer { buffer.deallocate() }
    writer.readable = {
      words = failure { () throws(FileError) in
        let result = try writer.read(into: buffer)
        #expect(result != .end)
      }
      if words != nil { test.loop.stop() }
    }
    writer.wantsRead = true
    #expect(test.run())
    #expect(words == "a changed while it was read")
  }

  @Test("a reader that fails says so once, while the loop still has bytes for it")
  func failedReader() throws {
    let scratch = try Scratch()
    scratch.makeDirectory("out")
    let test = try TestLoop()
    let reader = try TarStreamReader(
      test.loop, into: SafeDirectory(path: scratch.at("out")), existing: .refuse, entries: [.file("a", 1)],
      wanted: [0])
    let bytes = HandmadeTar.entry("../a", "x")
    var failures: [String] = []
    reader.failed = {
      failures.append($0.description)
      test.loop.stop()
    }
    let count = try bytes.withUnsafeBytes { (raw) throws(FileError) in try reader.write(raw) }
    #expect(count == bytes.count)
    // Without an end behind it: what was refused is refused at once.
    #expect(test.run())
    #expect(failures == ["the archive holds something that was not announced"])
    #expect(throws: FileError.self) {
      try bytes.withUnsafeBytes { (raw) throws(FileError) in try reader.write(raw) }
    }
    var result: Result<Void, FileError>?
    reader.finish { result = $0 }
    #expect(throws: FileError.self) { try result?.get() }
    #expect(failures.count == 1)
  }

  @Test("a stream that ends in the middle is an error")
  func cutShort() throws {
    let scratch = try Scratch()
    scratch.makeDirectory("out")
    let test = try TestLoop()
    let reader = try TarStreamReader(
      test.loop, into: SafeDirectory(path: scratch.at("out")), existing: .refuse,
      entries: [.file("a", 1_000)],
      wanted: [0])
    let bytes = Array(HandmadeTar.entry("a", String(repeating: "x", count: 1_000))[..<700])
    let count = try bytes.withUnsafeBytes { (raw) throws(FileError) in try reader.write(raw) }
    #expect(count == bytes.count)
    var words: String?
    reader.finish { result in
      words = failure { () throws(FileError) in try result.get() }
      test.loop.stop()
    }
    #expect(test.run())
    #expect(words == "the archive is damaged")
  }

  @Test("dropping either end asks its thread to stop, and nothing reaches the loop any more")
  func dropped() throws {
    let scratch = try Scratch()
    scratch.makeDirectory("s")
    scratch.makeDirectory("out")
    scratch.put("s/f", String(repeating: "x", count: 4 << 20))
    let tree = try SourceTree([scratch.at("s")])
    let test = try TestLoop()
    // The thread fills the pipe and waits in the middle of the file.
    var writer: TarStreamWriter? = try TarStreamWriter(test.loop, tree, wanted: [0])
    let writing = try #require(writer?.progress)
    writer?.readable = { test.loop.stop() }
    writer?.wantsRead = true
    #expect(test.run())
    writer = nil
    #expect(writing.isCancelled)
    var reader: TarStreamReader? = try TarStreamReader(
      test.loop, into: SafeDirectory(path: scratch.at("out")), existing: .refuse,
      entries: tree.items.map(\.entry), wanted: [0])
    let reading = try #require(reader?.progress)
    reader = nil
    #expect(reading.isCancelled)
    test.loop.defer { test.loop.stop() }
    #expect(test.run())
  }
}
