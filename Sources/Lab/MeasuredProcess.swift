import Basics
import CNamespaces
import Glibc
import Reactor

/// A shell command of which is known, when it has ended, what it cost.
///
/// It runs below GNU time, because the kernel counts into a child's peak memory that of whoever started it, and the
/// lab is larger than many a program it measures.
final class MeasuredProcess {
  /// What a command and all that it started took.
  struct Usage {
    /// User and system time.
    var seconds = 0.0
    /// The most memory that one process had resident at a time, in bytes.
    var peakBytes = 0
  }

  /// The lines that it printed so far on what is not redirected.
  private(set) var lines: [String] = []
  /// Its exit code; nil while it runs.
  private(set) var exitCode: Int32?
  private(set) var endedAt = Instant.zero
  private(set) var usage = Usage()

  private let loop: EventLoop
  private let process: pid_t
  private let descriptor: Int32
  private let peakFile: String
  private var end: IOWatcher?
  private var reader: LineReader?
  private var isDrained = false

  /// Starts `command` in a shell; `changed` is called after each line and at the end.
  init(
    _ loop: EventLoop, _ command: String, in namespace: NetworkNamespace?, environment: [String],
    scratch: String, number: Int, changed: @escaping () -> Void
  ) throws {
    guard let time = SystemCommand.path(of: "time") else { throw LabError("needs the program time") }
    self.loop = loop
    peakFile = "\(scratch)/peak-\(number)"
    let (output, writer) = try Pipe.make()
    let input = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { for descriptor in [writer, input] { close(descriptor) } }
    let words = [time, "-o", peakFile, "-f", "%M", "/bin/sh", "-c", command]
    let spawn = {
      try ChildProcess.spawn(
        words, environment: environment, standardInput: input, standardOutput: writer, standardError: writer,
        inOwnGroup: true)
    }
    process = try namespace.map { try $0.inside(spawn) } ?? spawn()
    descriptor = derphole_open_process(process)
    guard descriptor >= 0 else { throw LabError.system("pidfd_open") }
    reader = LineReader(loop, output) { [unowned self] line in
      if let line { lines.append(line) } else { isDrained = true }
      changed()
    }
    end = loop.watch(descriptor) { [unowned self] _ in
      finish()
      changed()
    }
    end?.interest = .readable
  }

  deinit {
    end?.cancel()
    reader?.cancel()
    if exitCode == nil {
      kill(-process, SIGKILL)
      finish()
    }
    close(descriptor)
  }

  /// Whether it has ended and all that it printed is here.
  var isOver: Bool { exitCode != nil && isDrained }

  /// Ends it and what it started, by the one signal that GNU time survives.
  func interrupt() { kill(-process, SIGINT) }

  /// The last lines, for a message.
  var complaint: String { lines.suffix(3).joined(separator: "; ") }

  private func finish() {
    guard exitCode == nil else { return }
    end?.cancel()
    endedAt = loop.now
    var resources = rusage()
    exitCode = ChildProcess.wait(for: process, &resources)
    usage.seconds = Self.seconds(resources.ru_utime) + Self.seconds(resources.ru_stime)
    // A line about a failure may come before the number.
    let peak = (try? TextFile.read(peakFile))?.split(separator: "\n").last.flatMap { Int($0) }
    usage.peakBytes = (peak ?? 0) * 1_024
  }

  private static func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1e6
  }
}

/// Small files, such as those of /proc.
enum TextFile {
  /// The whole text.
  static func read(_ path: String) throws -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw LabError.system("open \(path)") }
    defer { close(file) }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(file, &buffer, buffer.count)
      guard count > 0 else { return String(decoding: text, as: UTF8.self) }
      text += buffer[..<count]
    }
  }
}

/// Tells when something is first written below a folder: one event of inotify, so that what is measured pays for one
/// only.
final class FirstWrite {
  /// When it was; nil before.
  private(set) var at: Instant?
  private let descriptor: Int32
  private var watcher: IOWatcher?

  /// `device` is watched besides: the kernel tells a folder nothing about device nodes in it.
  init(_ loop: EventLoop, folder: String, device: String) throws {
    descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
    guard descriptor >= 0 else { throw LabError.system("inotify_init1") }
    for path in [folder, device] where access(path, F_OK) == 0 {
      let mask = UInt32(IN_MODIFY) | UInt32(IN_ONESHOT)
      guard inotify_add_watch(descriptor, path, mask) >= 0 else { throw LabError.system("watch \(path)") }
    }
    watcher = loop.watch(descriptor) { [unowned self, unowned loop] _ in
      at = loop.now
      watcher?.cancel()
    }
    watcher?.interest = .readable
  }

  deinit {
    watcher?.cancel()
    close(descriptor)
  }
}
