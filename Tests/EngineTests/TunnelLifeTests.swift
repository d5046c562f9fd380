import Basics
import Crypto
import Testing
import Wire

@testable import Engine

/// A client's supervisor with real sessions of both sides, for hours of virtual time: the server is started anew, the
/// relay and the network go away for seconds or hours, in an order that a seed decides.
private struct TunnelLife {
  /// What the relay's two users see of it.
  private enum Weather {
    case fine
    /// Packets are lost on the way.
    case cut(until: Instant)
    /// The relay's connections are gone and cannot be made.
    case noRelay(until: Instant)
  }

  static let window = Interval.seconds(150)

  private let meeting = Meeting()
  private var random: SeededGenerator
  private var supervisor: TunnelSupervisor
  private var client: HandRelay?
  private var clientKey: X25519PrivateKey?
  private var server: HandRelay
  private var serverSeed: UInt64 = 1_000
  private var weather = Weather.fine
  private var now = Instant.zero
  private var sessions = 0
  private var openSince: Instant?

  private(set) var restarts = 0
  private(set) var outages = 0
  /// Sessions that ended although nothing but a short outage had happened since they began.
  private(set) var unexplained = 0
  /// The longest time in fine weather, after everything, until the tunnel was open.
  private(set) var longestReturn = Interval.zero
  private var fineSince: Instant? = Instant.zero
  private var isExcused = false

  init(seed: UInt64) throws {
    random = SeededGenerator(seed: seed)
    var options = TunnelSupervisor.Options()
    options.resumeWindow = Self.window
    supervisor = TunnelSupervisor(options, random: SeededGenerator(seed: seed &+ 1))
    server = try Self.makeServer(meeting, seed: serverSeed)
    try server.connect(at: now)
    try take(supervisor.handle(.start, at: now))
  }

  private static func configuration(
    _ role: SessionConfiguration.Role, _ key: X25519PrivateKey, _ meeting: Meeting
  )
    -> SessionConfiguration
  {
    var configuration = SessionConfiguration(
      role: role, token: meeting.token, derpKey: key, flow: .receives, relayHost: "relay.test")
    configuration.streamPatience = .tunnel(window: window)
    configuration.relayPatience = window + .seconds(5)
    configuration.longestRelayPause = .seconds(1)
    configuration.isRelayOnly = true
    return configuration
  }

  private static func makeServer(_ meeting: Meeting, seed: UInt64) throws -> HandRelay {
    var configuration = Self.configuration(
      .acceptor(expiresAt: Instant(nanoseconds: .max / 2)), meeting.acceptorKey, meeting)
    configuration.streams = StreamsConfiguration(identity: meeting.identity)
    configuration.isRelayAwaited = true
    return HandRelay("server", configuration, seed: seed)
  }

  // MARK: The client

  private mutating func take(_ effects: [TunnelSupervisor.Effect]) throws {
    for effect in effects {
      switch effect {
      case .startSession: try begin()
      case .endSession: client = nil
      case .askAgain:
        client?.session.askAgain(at: now)
        client?.collect(at: now)
      case .open:
        if let fineSince { longestReturn = max(longestReturn, now - fineSince) }
        fineSince = nil
        openSince = now
        isExcused = false
      case .lost:
        if openSince != nil, !isExcused { unexplained += 1 }
        openSince = nil
      case .back: fineSince = nil
      default: break
      }
    }
  }

  private mutating func begin() throws {
    sessions += 1
    // A server takes each claimant in a session of its own.
    try restartServer()
    var generator = SeededGenerator(seed: UInt64(sessions))
    let key = X25519PrivateKey(random: &generator)
    clientKey = key
    var configuration = Self.configuration(.claimant, key, meeting)
    configuration.streams = StreamsConfiguration(identity: Ed25519Identity(random: &generator))
    let made = HandRelay("client", configuration, seed: UInt64(sessions) &+ 50)
    client = made
    if case .noRelay = weather { made.disconnect(at: now) } else { try made.connect(at: now) }
  }

  private mutating func watchClient() throws {
    guard let client else { return }
    for event in client.takeEvents() {
      switch event {
      case .state(.claimed): try take(supervisor.handle(.established, at: now))
      case .peerMissing(let isMissing): try take(supervisor.handle(isMissing ? .silence : .heard, at: now))
      case .peerRestarted: try take(supervisor.handle(.restarted, at: now))
      case .finished(let outcome):
        self.client = nil
        var failure: SessionFailure?
        if case .failure(let reason) = outcome { failure = reason }
        try take(supervisor.handle(.ended(failure), at: now))
      case .dialRelay:
        if case .noRelay = weather { client.disconnect(at: now) } else { try client.connect(at: now) }
      default: break
      }
    }
  }

  private mutating func watchServer() throws {
    for event in server.takeEvents() {
      switch event {
      case .dialRelay:
        if case .noRelay = weather { server.disconnect(at: now) } else { try server.connect(at: now) }
      // A server's sessions end; the next claim finds another one.
      case .finished: try restartServer()
      default: break
      }
    }
  }

  private mutating func restartServer() throws {
    serverSeed += 1
    server = try Self.makeServer(meeting, seed: serverSeed)
    if case .noRelay = weather { server.disconnect(at: now) } else { try server.connect(at: now) }
  }

  // MARK: The world

  /// Something happens.
  mutating func disturb() throws {
    switch random.next() % 4 {
    case 0:
      restarts += 1
      isExcused = true
      fineSince = now
      try restartServer()
    case 1:
      let length = outage()
      weather = .cut(until: now + length)
    case 2:
      let length = outage()
      weather = .noRelay(until: now + length)
      client?.disconnect(at: now)
      server.disconnect(at: now)
    default: break
    }
  }

  /// Mostly seconds, sometimes hours.
  private mutating func outage() -> Interval {
    outages += 1
    let isLong = random.next() % 5 == 0
    let length = Interval.milliseconds(Int64(random.next() % (isLong ? 1_000_000 : 60_000)) + 200)
    if length > Self.window - .seconds(20) { isExcused = true }
    return length
  }

  private mutating func clearUp() {
    switch weather {
    case .cut(let until), .noRelay(let until):
      guard until <= now else { return }
      weather = .fine
      fineSince = now
    case .fine: break
    }
  }

  private var isCarrying: Bool { if case .fine = weather { true } else { false } }

  private func exchange() {
    guard let client, let clientKey else {
      _ = server.takeSent()
      return
    }
    for _ in 0..<200 {
      let forward = client.takeSent()
      let back = server.takeSent()
      guard !forward.isEmpty || !back.isEmpty else { return }
      guard isCarrying else { continue }
      for packet in forward { server.deliver(packet, from: clientKey.publicKey, at: now) }
      for packet in back { client.deliver(packet, from: meeting.acceptorKey.publicKey, at: now) }
    }
  }

  /// Lives until `end`, in steps as long as nothing is due.
  mutating func live(until end: Instant) throws {
    while now < end {
      clearUp()
      client?.pass(until: now)
      server.pass(until: now)
      exchange()
      try watchClient()
      try watchServer()
      exchange()
      try take(supervisor.handleTimeout(at: now))
      var next = end
      switch weather {
      case .cut(let until), .noRelay(let until): next = min(next, until)
      case .fine: break
      }
      for due in [client?.session.nextDeadline, server.session.nextDeadline, supervisor.deadline] {
        if let due { next = min(next, due) }
      }
      now = max(next, now + .milliseconds(20))
    }
  }

  var isOpen: Bool { supervisor.state == .open }
}

@Suite struct TunnelLifeTests {
  @Test(
    "TUN-3 to TUN-6: a tunnel through restarts and outages", .timeLimit(.minutes(5)),
    arguments: [1, 2, 3] as [UInt64])
  func endurance(seed: UInt64) throws {
    var life = try TunnelLife(seed: seed)
    var random = SeededGenerator(seed: seed &* 31)
    let end = Instant.zero + .seconds(6 * 3_600)
    var at = Instant.zero
    while at < end {
      at = at + .seconds(Int64(random.next() % 900) + 70)
      try life.live(until: at)
      try life.disturb()
    }
    try life.live(until: at + .seconds(1_300))
    #expect(life.isOpen)
    #expect(life.restarts >= 5 && life.outages >= 10)
    #expect(life.unexplained == 0, "sessions were lost by outages shorter than the window")
    #expect(life.longestReturn < .seconds(30), "\(life.longestReturn.inSeconds) s until it was open again")
  }
}
