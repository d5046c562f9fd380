import Reactor
import Glibc
enum PayloadFiles {
  static func standardInput(_ loop: EventLoop) throws -> InputSource { InputSource(loop, 0) }
  static func output(_ loop: EventLoop, path: String?, isStandardOutputTaken: Bool) throws -> OutputSink { OutputSink(loop, 1) }
}
