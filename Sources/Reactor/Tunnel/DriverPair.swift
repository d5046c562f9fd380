import Basics

/// Two drivers on one session: its streams and its datagrams.
final class DriverPair: StreamDriver {
  private let streams: any StreamDriver
  private let datagrams: any StreamDriver
  private let outlives: Bool

  var wake: () -> Void = {} {
    didSet {
      streams.wake = wake
      datagrams.wake = wake
    }
  }

  /// - Parameters:
  ///   - streams: takes the session's events.
  ///   - outlives: whether `datagrams` serves other sessions after this one.
  init(_ streams: any StreamDriver, _ datagrams: any StreamDriver, outlives: Bool) {
    self.streams = streams
    self.datagrams = datagrams
    self.outlives = outlives
  }

  func pump() -> Bool {
    let hasMoved = streams.pump()
    return datagrams.pump() || hasMoved
  }

  func sessionEnded() {
    streams.sessionEnded()
    if !outlives { datagrams.sessionEnded() }
  }
}
