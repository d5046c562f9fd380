import Basics
import Glibc
import Testing

@testable import Reactor

@Suite struct FileWatchTests {
  private let scratch = ControlScratch()
  private let test: TestLoop

  init() throws { test = try TestLoop() }

  private var path: String { scratch.path + "/list" }

  private func put(_ text: String, at path: String) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    precondition(write(descriptor, text, text.utf8.count) == text.utf8.count)
    close(descriptor)
  }

  /// Whether a watch that was made before sees what `change` does.
  private func isNoticed(_ change: () -> Void) -> Bool {
    var count = 0
    let watch = FileWatch(test.loop, path: path, interval: .milliseconds(2)) { count += 1 }
    change()
    return withExtendedLifetime(watch) { test.run { count > 0 } }
  }

  @Test func writingIsNoticed() {
    put("a", at: path)
    #expect(isNoticed { put("ab", at: path) })
    #expect(isNoticed { put("", at: path) })
  }

  @Test func replacingByRenameIsNoticed() {
    put("a", at: path)
    #expect(
      isNoticed {
        put("b", at: path + ".new")
        rename(path + ".new", path)
      })
  }

  @Test func aChangeThatKeepsTheSizeIsNoticedByItsTime() {
    put("a", at: path)
    #expect(
      isNoticed {
        put("b", at: path)
        var times = [timespec(tv_sec: 1, tv_nsec: 5), timespec(tv_sec: 1, tv_nsec: 5)]
        utimensat(AT_FDCWD, path, &times, 0)
      })
  }

  @Test func appearingAndGoingAreNoticed() {
    #expect(isNoticed { put("a", at: path) })
    #expect(isNoticed { unlink(path) })
  }

  @Test func aChangeBehindALinkIsNoticed() {
    for name in ["one", "two"] { put(name, at: scratch.path + "/" + name) }
    #expect(symlink("one", path) == 0)
    #expect(
      isNoticed {
        symlink("two", path + ".new")
        rename(path + ".new", path)
      })
  }

  @Test func everyChangeIsReportedOnceAndReadingIsNone() throws {
    put("a", at: path)
    var count = 0
    let watch = FileWatch(test.loop, path: path, interval: .milliseconds(1)) { [path] in
      count += 1
      _ = try? SmallFile.read(path, limit: 100)
    }
    put("abc", at: path)
    #expect(test.run { count == 1 })
    // The other watch looks last and more seldom, so the first has looked many times when it sees its change.
    let other = scratch.path + "/other"
    var isSeen = false
    let last = FileWatch(test.loop, path: other, interval: .milliseconds(20)) { isSeen = true }
    put("a", at: other)
    #expect(test.run { isSeen })
    #expect(count == 1)
    watch.cancel()
    last.cancel()
  }

  @Test func aCancelledWatchIsSilent() {
    var (cancelled, seen) = (0, false)
    let watch = FileWatch(test.loop, path: path, interval: .milliseconds(1)) { cancelled += 1 }
    watch.cancel()
    let other = FileWatch(test.loop, path: path, interval: .milliseconds(5)) { seen = true }
    put("a", at: path)
    #expect(withExtendedLifetime((watch, other)) { test.run { seen } })
    #expect(cancelled == 0)
  }
}
