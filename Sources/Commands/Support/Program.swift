import Synchronization

/// The programs that share these commands' machinery. What a person sees of them differs in name and exit codes.
enum Program: String, Sendable {
  case derphole, derptun

  private static let running = Mutex(Program.derphole)

  /// The program that this process is; `derphole` unless another said so at its start.
  static var current: Program {
    get { running.withLock { $0 } }
    set { running.withLock { $0 = newValue } }
  }

  /// The code with which the program ends for a code of `ExitStatus`. `derptun` has those of upstream's program of that
  /// name, which scripts know: 2 for a wrong command line or an unusable token, 1 for every other failure.
  func exitStatus(_ status: Int32) -> Int32 {
    guard self == .derptun else { return status }
    switch status {
    case ExitStatus.success: return 0
    case ExitStatus.usage, ExitStatus.unusableToken: return 2
    // Above 128 are signals.
    case 129...: return status
    default: return 1
    }
  }
}
