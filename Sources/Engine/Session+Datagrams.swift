import Basics
import Wire

/// The sockets' side of a session: datagrams in and out.
extension Session {
  /// `pollDatagrams` needs room for one batch of datagrams.
  public static let minimumDatagramBuffer = 65_536
  /// The most datagrams of one batch (the kernel's UDP_MAX_SEGMENTS).
  public static let maximumBatch = 64

  /// Takes a batch of datagrams that came from one address over one socket: equally long but for the last, which
  /// may be shorter. They are opened where they lie; payload goes straight to `sink`.
  ///
  /// - Parameters:
  ///   - datagrams: one datagram or several, back to back.
  ///   - segmentLength: the length of each but the last, in bytes.
  public func handle(
    datagrams: UnsafeMutableRawBufferPointer, segmentLength: Int, socket: SocketID, from remote: IPEndpoint,
    at now: Instant, sink: some PayloadSink
  ) {
    latest = now
  }

  /// Fills `buffer` with datagrams for one path, as many equally long ones as one system call takes (the last may
  /// be shorter); nil when there is nothing to send now. The host sends what it got before it polls again.
  ///
  /// - Parameter buffer: at least `minimumDatagramBuffer` bytes.
  public func pollDatagrams(into buffer: UnsafeMutableRawBufferPointer, at now: Instant) -> Transmission? { nil }
}
