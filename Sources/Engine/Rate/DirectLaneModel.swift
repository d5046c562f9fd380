import Basics
import Wire

/// Both ends of a direct lane without keys and sockets, for models of paths: the real sender with its rate control
/// and repair, and the real rule of when arrivals are acknowledged. The source never runs dry, and the output takes
/// everything at once.
package final class DirectLaneModel {
  /// A frame under way. Its content does not matter.
  package struct Frame {
    package var number: UInt64
    package var offset: UInt64
    package var length: Int

    package init(number: UInt64, offset: UInt64, length: Int) {
      self.number = number
      self.offset = offset
      self.length = length
    }
  }

  private let sender: PayloadSender
  private let framePayload: Int
  private let window: UInt64
  private var arrivals = ArrivalLog(.direct)
  private var arrived = IntervalSet()

  /// Payload bytes that arrived for the first time.
  package private(set) var received: UInt64 = 0
  /// Payload bytes that were sent, repairs included.
  package var sent: UInt64 { sender.payloadBytes(on: .direct) }
  package var framesSent: UInt64 { sender.nextPacketNumber(on: .direct) }

  /// - Parameters:
  ///   - framePayload: payload bytes of a frame.
  ///   - window: how far the sender may go beyond what arrived without a gap, in bytes.
  ///   - roundTrip: what a challenge saw.
  package init(framePayload: Int, window: Int, roundTrip: Interval, at now: Instant) {
    self.framePayload = framePayload
    self.window = UInt64(window)
    sender = PayloadSender(initialLimit: UInt64(window), at: now)
    sender.promote(framePayload: framePayload, roundTrip: roundTrip, at: now)
  }

  // MARK: Sender

  /// The next frame, if one may leave now.
  package func poll(at now: Instant) -> Frame? {
    // What is read is not looked at; it need not be written.
    while sender.wanted > 64 << 10 { _ = sender.fill { $0.count } }
    guard let plan = sender.plan(on: .direct, largestPayload: framePayload, at: now) else { return nil }
    let frame = Frame(
      number: sender.nextPacketNumber(on: .direct), offset: plan.offset, length: plan.length)
    sender.didSend(plan, on: .direct, at: now)
    return frame
  }

  /// When the sender's clock has something to do, after `poll` returned nothing.
  package func deadline(after now: Instant) -> Instant? {
    let timer = sender.deadline(on: .direct)
    guard let paced = sender.nextSendAt(on: .direct), paced > now else { return timer }
    return timer.map { min($0, paced) } ?? paced
  }

  package func handleTimeout(at now: Instant) { sender.handleTimeout(on: .direct, at: now) }

  package func handle(_ acknowledgement: Acknowledgement, at now: Instant) {
    let verdict = sender.handle(acknowledgement, at: now)
    precondition(verdict != .impossible)
  }

  /// What rate control thinks, for traces.
  package var rateSummary: String {
    guard let control = sender.directControl else { return "" }
    let inFlight = sender.bytesInFlight(on: .direct)
    return
      "\(control.machine.state) rate \(Int(control.rate)) B/s, in flight \(inFlight) of \(control.window)"
  }

  // MARK: Receiver

  package func arrive(_ frame: Frame, at now: Instant) {
    guard !arrivals.hasSeen(frame.number) else { return }
    arrivals.insert(frame.number, payloadLength: frame.length, at: now)
    let range = frame.offset..<frame.offset + UInt64(frame.length)
    guard arrived.firstOverlap(with: range) != range else { return }
    let before = arrived.firstOverlap(with: range)?.count ?? 0
    arrived.insert(range)
    received += UInt64(frame.length - before)
  }

  /// When an acknowledgement is due.
  package var acknowledgeAt: Instant? { arrivals.acknowledgeAt }

  package func takeAcknowledgement(at now: Instant) -> Acknowledgement? {
    guard arrivals.takeDue(at: now) else { return nil }
    var acknowledgement = Acknowledgement.none
    acknowledgement.contiguousOffset = arrived.first.map { $0.lowerBound == 0 ? $0.upperBound : 0 } ?? 0
    acknowledgement.windowLimit = acknowledgement.contiguousOffset + window
    acknowledgement.lane = .direct
    acknowledgement.delayMicroseconds = arrivals.delay(at: now)
    arrivals.store(into: &acknowledgement.ranges)
    return acknowledgement
  }
}
