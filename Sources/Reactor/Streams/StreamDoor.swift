import Basics
import Engine

/// Lets several claimants of one token use a service, each in a session of its own (STR-12).
///
/// The door's session holds the token's relay key and only receives claims. A claim that may come in gets a session
/// with a fresh relay key, whose decision goes out through the door and names that key; all else passes between the two
/// directly.
public final class StreamDoor: StreamDriver {
  /// What is worth showing.
  public enum Event {
    case entered(Int)
    case left(Int, SessionOutcome)
    case streams(Int, StreamHost.Event)
    case session(Int, SessionEvent)
  }

  private final class Guest {
    let number: Int
    let host: SessionHost
    let streams: StreamHost
    let timer: LoopTimer
    var hasEntered = false

    init(_ number: Int, _ host: SessionHost, _ streams: StreamHost, _ timer: LoopTimer) {
      self.number = number
      self.host = host
      self.streams = streams
      self.timer = timer
    }
  }

  /// A claimant that does not prove itself is let go after 10 s by its session; then its place is free.
  private static let proofLimit = Interval.seconds(12)
  /// How long saying goodbye to everybody may take.
  private static let goodbyeLimit = Interval.seconds(1)

  public var wake: () -> Void = {}

  private let loop: EventLoop
  private let door: Session
  private let limit: Int
  private let makeGuest: () -> (session: Session, relay: SessionHost.Relay, direct: SessionHost.DirectPaths?)
  private let service: ServiceAddress
  private let observer: (Event) -> Void
  /// Few, in the order of coming.
  private var guests: [(key: Bytes32, guest: Guest)] = []
  private var past = StreamHost.Counts()
  private var entered = 0
  private var closing: (() -> Void)?
  private var goodbyeTimer: LoopTimer?

  /// - Parameters:
  ///   - limit: how many may be in at once.
  ///   - makeGuest: makes the session of one more claimant.
  public init(
    _ loop: EventLoop, _ door: Session, _ service: ServiceAddress, limit: Int,
    makeGuest: @escaping () -> (session: Session, relay: SessionHost.Relay, direct: SessionHost.DirectPaths?),
    observer: @escaping (Event) -> Void
  ) {
    self.loop = loop
    self.door = door
    self.service = service
    self.limit = limit
    self.makeGuest = makeGuest
    self.observer = observer
  }

  /// The connections of all that are or were in.
  public var counts: StreamHost.Counts {
    guests.reduce(into: past) { sum, entry in sum.add(entry.guest.streams.counts) }
  }

  public func pump() -> Bool { false }

  public func knocked(_ envelope: [UInt8], from source: Bytes32) {
    if let guest = guests.first(where: { $0.key == source })?.guest {
      return guest.host.deliver(envelope, from: source)
    }
    guard closing == nil, door.isClaim(envelope, from: source) else { return }
    guard guests.count < limit else {
      door.refuse(envelope, from: source)
      return
    }
    admit(source).host.deliver(envelope, from: source)
  }

  private func admit(_ key: Bytes32) -> Guest {
    entered += 1
    let number = entered
    let made = makeGuest()
    let streams = StreamHost(loop, made.session, .service(service)) { [weak self] event in
      self?.observer(.streams(number, event))
    }
    let host = SessionHost(
      loop, made.session, relay: made.relay, direct: made.direct, source: nil, output: nil,
      observer: { [weak self] event in self?.happened(event, to: number) },
      completion: { [weak self] outcome in self?.ended(number, outcome) })
    host.streams = streams
    let timer = loop.makeTimer { [weak self] in self?.checkProof(number) }
    timer.arm(after: Self.proofLimit)
    let guest = Guest(number, host, streams, timer)
    guests.append((key, guest))
    host.start()
    return guest
  }

  private func guest(_ number: Int) -> Guest? { guests.first { $0.guest.number == number }?.guest }

  private func happened(_ event: SessionEvent, to number: Int) {
    switch event {
    case .envelope(let packet, let peer):
      door.send(packet, to: peer)
      // The guest may be in the middle of a turn of the door's.
      loop.defer { [weak self] in self?.wake() }
    case .state(.claimed):
      guest(number)?.hasEntered = true
      observer(.entered(number))
    default: break
    }
    observer(.session(number, event))
  }

  private func checkProof(_ number: Int) {
    guard let guest = guest(number), !guest.hasEntered else { return }
    guest.host.interrupt()
  }

  private func ended(_ number: Int, _ outcome: SessionOutcome) {
    // The host that says so is still at work.
    loop.defer { [weak self] in
      guard let self, let index = guests.firstIndex(where: { $0.guest.number == number }) else { return }
      let guest = guests.remove(at: index).guest
      var counts = guest.streams.counts
      counts.open = 0
      past.add(counts)
      if guest.hasEntered { observer(.left(number, outcome)) }
      if guests.isEmpty { finishClosing() }
    }
  }

  /// Says goodbye to everybody; `done` is called once that is over.
  public func close(_ done: @escaping () -> Void) {
    guard closing == nil else { return }
    closing = done
    goodbyeTimer = loop.makeTimer { [weak self] in self?.finishClosing() }
    goodbyeTimer?.arm(after: Self.goodbyeLimit)
    for entry in guests { entry.guest.host.closeStreams() }
    if guests.isEmpty { finishClosing() }
  }

  private func finishClosing() {
    guard let done = closing else { return }
    closing = {}
    goodbyeTimer = nil
    done()
  }

  public func sessionEnded() {}
}

extension StreamHost.Counts {
  /// Adds what others carry.
  mutating func add(_ other: StreamHost.Counts) {
    open += other.open
    total += other.total
    refused += other.refused
    bytesSent += other.bytesSent
    bytesReceived += other.bytesReceived
  }
}
