import Basics
import Engine

/// One question and one answer over a stream: the claimant asks, the other side answers, both whole and bounded. The
/// claimant ends the session once it has the answer, so neither side is gone before.
public final class StreamExchange: StreamDriver {
  public var wake: () -> Void = {}

  /// Is called once with what the other side said; nil when it was too long, or broke off.
  public var received: ([UInt8]?) -> Void = { _ in }

  /// Is called when the claimant takes longer than it may: to ask, or, when it has asked and was answered, to end the
  /// session. Who has a token shall not hold the other side for ever.
  public var overdue: (_ hasAsked: Bool) -> Void = { _ in }

  /// How long a claimant may take for either.
  private static let patience = Interval.seconds(30)

  private let loop: EventLoop
  private let session: Session
  private let limit: Int
  private var question: [UInt8]?
  private var outgoing: ArraySlice<UInt8> = []
  private var hasMessage = false
  private var isFinished = false
  private var id: StreamID?
  private var incoming: [UInt8] = []
  private var hasReceived = false
  private var timer: LoopTimer?

  /// - Parameters:
  ///   - question: what the claimant asks; nil on the side that answers.
  ///   - limit: the longest message that is taken, in bytes.
  public init(_ loop: EventLoop, _ session: Session, question: [UInt8]?, limit: Int) {
    self.loop = loop
    self.session = session
    self.question = question
    self.limit = limit
    guard question == nil else { return }
    timer = loop.makeTimer { [unowned self] in overdue(hasReceived) }
  }

  /// Says this side's part.
  public func send(_ message: [UInt8]) {
    outgoing = message[...]
    hasMessage = true
    wake()
  }

  public func pump() -> Bool {
    var hasMoved = false
    while let event = session.pollStreamEvent() {
      hasMoved = true
      switch event {
      case .ready:
        timer?.arm(after: Self.patience)
        ask()
      case .mayOpen: ask()
      case .opened(let opened): if id == nil { id = opened }
      case .readable(let readable) where readable == id: read(readable)
      case .reset(let reset, _) where reset == id: end(nil)
      default: break
      }
    }
    return write() || hasMoved
  }

  private func ask() {
    guard id == nil, let question, let opened = session.openStream(at: loop.now) else { return }
    id = opened
    self.question = nil
    send(question)
  }

  private func write() -> Bool {
    guard let id, hasMessage, !isFinished else { return false }
    let count = session.fillStream(id) { room in
      let count = min(room.count, outgoing.count)
      room.copyBytes(from: outgoing.prefix(count))
      return count
    }
    outgoing = outgoing.dropFirst(count)
    guard outgoing.isEmpty else { return count > 0 }
    isFinished = true
    session.finishStream(id, at: loop.now)
    timer?.arm(after: Self.patience)
    return true
  }

  private func read(_ id: StreamID) {
    let state = session.readStream(id, at: loop.now) { bytes in
      incoming += bytes.prefix(max(0, limit + 1 - incoming.count))
      return bytes.count
    }
    if incoming.count > limit {
      end(nil)
    } else if state == .ended {
      end(incoming)
    }
  }

  private func end(_ message: [UInt8]?) {
    guard !hasReceived else { return }
    hasReceived = true
    timer?.disarm()
    // Whoever is told may talk to the session at once, which is in the middle of a turn here.
    loop.defer { [self] in received(message) }
  }

  public func sessionEnded() { timer?.disarm() }
}
