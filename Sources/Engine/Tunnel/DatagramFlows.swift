import Basics
import Wire

/// How many flows of datagrams there may be, and for how long (DGR-6, DGR-7).
public struct FlowLimits: Hashable, Sendable {
  /// The most flows at a time.
  public var flows = 1_024
  /// A flow without a datagram in either direction ends after this long. RFC 4787, section 4.3, wants at least two minutes
  /// of a NAT, which does not know what passes; who shares a service does, and here a flow costs a descriptor.
  public var idleTimeout = Interval.seconds(60)
  /// Where there is no room, the flow that was used longest ago makes way for a new one when it has rested for this long:
  /// questions from ever new ports have been answered by then, and what is in use stays.
  public var evictableAfter = Interval.seconds(5)

  public init() {}
}

/// The flows of the side where datagrams come in: each source address is one, under a number of its own.
///
/// It knows no clock: `now` is the host's, and so are the sockets.
public struct DatagramFlows<Source: Hashable> {
  private var numbers: IdleTable<Source, UInt64>
  /// The same the other way round.
  private var sources: [UInt64: Source] = [:]
  /// How many flows there have been, which is the number of the next one. None is used twice: a late answer reaches nobody
  /// else.
  public private(set) var total: UInt64 = 0

  public init(_ limits: FlowLimits = FlowLimits()) { numbers = IdleTable(limits) }

  /// How many flows there are.
  public var count: Int { numbers.count }

  /// When `expire` has something to do; nil while there are no flows.
  public var nextDeadline: Instant? { numbers.nextDeadline }

  /// The flow of a datagram from `source`, which may be new; nil when there is no room for one more: the datagram is to be
  /// dropped.
  public mutating func flow(from source: Source, at now: Instant) -> UInt64? {
    if let number = numbers.use(source, at: now) { return number }
    if let (_, evicted) = numbers.makeRoom(at: now) { sources[evicted] = nil }
    guard !numbers.isFull, total <= FlowDatagram.maximumFlow else { return nil }
    let number = total
    total += 1
    numbers.insert(source, number, at: now)
    sources[number] = source
    return number
  }

  /// Where an answer in the flow goes to; nil when the flow is over.
  public mutating func source(of flow: UInt64, at now: Instant) -> Source? {
    guard let source = sources[flow] else { return nil }
    _ = numbers.use(source, at: now)
    return source
  }

  /// Forgets the flows whose time is over; how many those were.
  @discardableResult
  public mutating func expire(at now: Instant) -> Int {
    var count = 0
    while let (_, number) = numbers.popExpired(at: now) {
      sources[number] = nil
      count += 1
    }
    return count
  }
}

/// The flows of the serving side: each number of the peer's has something that reaches the service, a socket as a rule.
public struct DatagramTargets<Handle> {
  private var handles: IdleTable<UInt64, Handle>

  public init(_ limits: FlowLimits = FlowLimits()) { handles = IdleTable(limits) }

  /// How many flows there are.
  public var count: Int { handles.count }

  /// When `popExpired` has something to give; nil while there are no flows.
  public var nextDeadline: Instant? { handles.nextDeadline }

  /// What a datagram of the flow goes through, or came through; nil for a flow that is not there.
  public mutating func handle(of flow: UInt64, at now: Instant) -> Handle? { handles.use(flow, at: now) }

  /// What becomes of a flow that is not there.
  public enum Admission {
    /// It may be added, after something else was given up: that is to be closed.
    case admitted(evicted: Handle?)
    /// There is no room for one more: the datagram is to be dropped.
    case full
  }

  /// Makes room for one more flow if that can be.
  public mutating func admit(at now: Instant) -> Admission {
    let evicted = handles.makeRoom(at: now)?.value
    return handles.isFull ? .full : .admitted(evicted: evicted)
  }

  /// Adds a flow that is not there. `admit` has said that there is room.
  public mutating func add(_ flow: UInt64, _ handle: Handle, at now: Instant) {
    handles.insert(flow, handle, at: now)
  }

  /// Takes out the next flow whose time is over, to be closed; nil when there is none.
  public mutating func popExpired(at now: Instant) -> Handle? { handles.popExpired(at: now)?.value }

  /// Takes out any flow, to be closed; nil when there is none.
  public mutating func pop() -> Handle? { handles.popOldest()?.value }
}
