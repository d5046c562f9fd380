import Basics
import Engine

/// What carries the datagrams of a client: the session at hand, whichever that is.
final class CurrentSession: DatagramCarrier {
  weak var session: Session?

  func sendDatagram(_ bytes: UnsafeRawBufferPointer, at now: Instant) -> DatagramSending {
    session?.sendDatagram(bytes, at: now) ?? .unavailable
  }

  func readDatagram(at now: Instant, _ take: (UnsafeRawBufferPointer) -> Void) -> Bool {
    session?.readDatagram(at: now, take) ?? false
  }
}
