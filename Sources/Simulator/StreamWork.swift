import Basics
import Engine

/// What a party of a session of streams does with them: the claimant opens streams and writes a pattern into each; the
/// acceptor sends back what it gets. Of every five the last is given up in the middle.
final class StreamWork {
  private struct Stream {
    var number: Int
    var sent = 0
    var received = 0
    var isFinished = false
    var isGivenUp = false
  }

  private let isOpener: Bool
  private let count: Int
  private let length: Int
  private var opened = 0
  private var closed = 0
  private var streams: [(id: StreamID, state: Stream)] = []
  private(set) var datagrams: DatagramWork
  private var ownViolation: String?
  /// The first thing that must not happen but did.
  var violation: String? { ownViolation ?? datagrams.violation }

  /// - Parameters:
  ///   - count: how many streams the claimant opens.
  ///   - length: how many bytes it writes into each.
  ///   - datagrams: how many datagrams it sends meanwhile.
  init(isOpener: Bool, count: Int, length: Int, datagrams: Int) {
    self.datagrams = DatagramWork(isOpener: isOpener, count: datagrams)
    self.isOpener = isOpener
    self.count = count
    self.length = length
  }

  /// Whether every stream came to its end.
  var isComplete: Bool { closed == count }

  /// Does what can be done now; whether anything was.
  func pump(_ session: Session, at now: Instant) -> Bool {
    var hasMoved = false
    while let event = session.pollStreamEvent() {
      hasMoved = true
      handle(event, session, at: now)
    }
    for index in streams.indices
    where isOpener ? write(index, session, at: now) : echo(index, session, at: now) {
      hasMoved = true
    }
    if datagrams.pump(session, mayBegin: hasMoved, at: now) { hasMoved = true }
    if isOpener, isComplete, session.outcome == nil, hasMoved { session.closeStreams(at: now) }
    return hasMoved
  }

  private func index(of id: StreamID) -> Int? { streams.firstIndex { $0.id == id } }

  private func handle(_ event: StreamEvent, _ session: Session, at now: Instant) {
    switch event {
    case .ready, .mayOpen:
      while isOpener, opened < count, let id = session.openStream(at: now) {
        streams.append((id, Stream(number: opened)))
        opened += 1
      }
    case .opened(let id):
      if isOpener { ownViolation = "the acceptor opened a stream" }
      streams.append((id, Stream(number: streams.count)))
    case .readable, .writable, .datagrams: break
    case .reset(let id, _):
      guard let index = index(of: id) else { return }
      if isOpener, !streams[index].state.isGivenUp { ownViolation = "a stream was reset by nobody" }
      streams[index].state.isGivenUp = true
      session.resetStream(id, .gone, at: now)
    case .stopped(let id):
      guard let index = index(of: id) else { return }
      streams[index].state.isGivenUp = true
    case .closed(let id):
      guard let index = index(of: id) else { return }
      let state = streams[index].state
      if isOpener, !state.isGivenUp, state.received != length {
        ownViolation = "a stream ended after \(state.received) bytes"
      }
      streams.remove(at: index)
      closed += 1
    }
  }

  /// Where the bytes of a stream lie in the pattern: streams that are mixed up show.
  private func offset(_ state: Stream, _ position: Int) -> UInt64 { UInt64(state.number * 7_919 + position) }

  private func write(_ index: Int, _ session: Session, at now: Instant) -> Bool {
    let id = streams[index].id
    var state = streams[index].state
    var hasMoved = false
    guard !state.isGivenUp else { return false }
    while state.sent < length, session.wantedByStream(id) > 0 {
      let count = session.fillStream(id) { room in
        let count = min(room.count, length - state.sent)
        PayloadPattern.fill(
          UnsafeMutableRawBufferPointer(rebasing: room[..<count]), at: offset(state, state.sent))
        return count
      }
      guard count > 0 else { break }
      state.sent += count
      hasMoved = true
    }
    if state.number % 5 == 4, state.sent >= length / 2 {
      state.isGivenUp = true
      session.resetStream(id, .reset, at: now)
      session.stopReadingStream(id, .reset, at: now)
      hasMoved = true
    } else if state.sent == length, !state.isFinished {
      state.isFinished = true
      session.finishStream(id, at: now)
      hasMoved = true
    }
    _ = session.readStream(id, at: now) { bytes in
      if !PayloadPattern.matches(bytes, at: offset(state, state.received)) {
        ownViolation = "wrong bytes on \(id)"
      }
      state.received += bytes.count
      hasMoved = true
      return bytes.count
    }
    streams[index].state = state
    return hasMoved
  }

  private func echo(_ index: Int, _ session: Session, at now: Instant) -> Bool {
    let id = streams[index].id
    var state = streams[index].state
    guard !state.isGivenUp, !state.isFinished else { return false }
    var hasMoved = false
    let readState = session.readStream(id, at: now) { bytes in
      var taken = 0
      // Only as much as can be sent back: the rest waits where the sender sees it.
      while taken < bytes.count, session.wantedByStream(id) > 0 {
        let count = session.fillStream(id) { room in
          let count = min(room.count, bytes.count - taken)
          room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[taken..<taken + count]))
          return count
        }
        guard count > 0 else { break }
        taken += count
      }
      state.received += taken
      if taken > 0 { hasMoved = true }
      return taken
    }
    if readState == .ended {
      state.isFinished = true
      session.finishStream(id, at: now)
      hasMoved = true
    }
    streams[index].state = state
    return hasMoved
  }
}
