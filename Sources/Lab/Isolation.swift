import ArgumentParser
import CNamespaces
import Glibc

/// Namespaces around everything that the lab does.
///
/// The command starts itself again as process 1 of a new process namespace, in new mount and network
/// namespaces. When that process ends, in whatever way, the kernel kills all that it started, and with the last
/// of them the network namespaces, devices and rules are gone: there is nothing to clean up and nothing to forget.
enum Isolation {
  private static let marker = "DERPHOLE_LAB_ISOLATED"

  /// Runs `body` isolated; ends the process with status 77 when the system refuses, with 1 when `body` throws
  /// something that is no exit code.
  static func run(_ body: () throws -> Void) throws {
    guard getenv(marker) != nil else { throw ExitCode(try startAgain()) }
    unsetenv(marker)
    _ = derphole_die_with_parent()
    // Process 1 gets no signal that it does not ask for.
    for number in [SIGINT, SIGTERM, SIGHUP] { signal(number) { number in _exit(128 + number) } }
    signal(SIGPIPE, SIG_IGN)
    do {
      try body()
    } catch let error as LabError {
      Output.error("\(error)")
      throw ExitCode(LabStatus.failure)
    }
  }

  /// Starts the same command in its namespaces, waits for it and returns its exit code.
  private static func startAgain() throws -> Int32 {
    guard geteuid() == 0 else { return impossible("needs root") }
    for program in ["ip", "nft", "openssl"] where SystemCommand.path(of: program) == nil {
      return impossible("needs the program \(program)")
    }
    guard derphole_unshare_all() == 0 else {
      return impossible("no namespaces: \(LabError.system("unshare"))")
    }
    guard derphole_make_mounts_private() == 0 else {
      return impossible("no mounts of its own: \(LabError.system("mount"))")
    }
    mkdir("/run/netns", 0o755)
    guard derphole_mount_tmpfs("/run/netns") == 0 else {
      return impossible("no mounts of its own: \(LabError.system("mount"))")
    }
    setenv(marker, "1", 1)
    let child = try ChildProcess.spawn(["/proc/self/exe"] + CommandLine.arguments.dropFirst())
    isolated = child
    // A second signal reaches a child that is on its way out; the kernel does the rest.
    for number in [SIGINT, SIGTERM, SIGHUP] { signal(number) { number in kill(isolated, number) } }
    return ChildProcess.wait(for: child)
  }

  private static func impossible(_ reason: String) -> Int32 {
    Output.error("not possible here: \(reason)")
    return LabStatus.impossible
  }
}

/// The isolated process, for the signal handlers of the process that waits for it. Written once, before they
/// are installed.
nonisolated(unsafe) private var isolated: pid_t = 0
