import Basics
import Engine

/// What carries the streams that local connections are joined with: a session. `Session` says what each call means.
public protocol StreamCarrier: AnyObject {
  func openStream(at now: Instant) -> StreamID?
  func wantedByStream(_ id: StreamID) -> Int
  func fillStream(_ id: StreamID, _ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int
  func finishStream(_ id: StreamID, at now: Instant)
  func readStream(
    _ id: StreamID, at now: Instant, _ write: (UnsafeRawBufferPointer) -> Int
  ) -> StreamReadState
  func resetStream(_ id: StreamID, _ code: StreamErrorCode, at now: Instant)
  func stopReadingStream(_ id: StreamID, _ code: StreamErrorCode, at now: Instant)
  func pollStreamEvent() -> StreamEvent?
  var streamLinger: Interval? { get }
}

extension Session: StreamCarrier {}
