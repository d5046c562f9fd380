import Reactor
enum PublicRelays {
  static func nearest(map: String?, _ loop: EventLoop, _ reporter: SessionReporter) throws(CommandFailure) -> RelayTarget { throw CommandFailure("x", status: 1) }
  static func named(_ r: UInt16, map: String?, _ loop: EventLoop) throws(CommandFailure) -> RelayTarget { throw CommandFailure("x", status: 1) }
}
