import Glibc

/// The terminal that this process was started from, whatever its standard streams are connected to.
final class Terminal {
  /// Ours alone: making it non-blocking changes nothing for other programs.
  let descriptor: Int32

  /// Uses an open descriptor of a terminal, which belongs to this object from now on.
  init(owning descriptor: Int32) { self.descriptor = descriptor }

  /// Nil when there is none, or when another job has it: reading would stop this process.
  convenience init?() {
    let descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    guard isatty(descriptor) == 1, tcgetpgrp(descriptor) == getpgrp() else {
      close(descriptor)
      return nil
    }
    self.init(owning: descriptor)
  }

  deinit { close(descriptor) }

  /// Writes text of our own, or what was made printable.
  func write(_ text: String) { Console.write(Console.harmless(text), to: descriptor) }
}
