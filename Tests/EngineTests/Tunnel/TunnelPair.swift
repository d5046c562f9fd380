import Basics
import Crypto

@testable import Engine

/// Two ends of something that speaks in packets, in virtual time.
final class PacketPair<Left: AnyObject, Right: AnyObject> {
  let left: Left
  let right: Right
  var now = Instant(nanoseconds: 1_000_000_000)
  var delay = Interval.milliseconds(10)
  /// Whether a packet is lost; asked once for each.
  var isLost: (_ fromLeft: Bool) -> Bool = { _ in false }
  /// Is shown each packet.
  var seen: (_ packet: [UInt8], _ fromLeft: Bool) -> Void = { _, _ in }
  private let poll: (_ fromLeft: Bool, UnsafeMutableRawBufferPointer, Instant) -> Int
  private let give: (_ toRight: Bool, UnsafeRawBufferPointer, Instant) -> Void
  private let deadline: () -> Instant?
  private let timeout: (Instant) -> Void
  private var inFlight: [(at: Instant, toRight: Bool, packet: [UInt8])] = []

  init(
    _ left: Left, _ right: Right,
    poll: @escaping (Bool, UnsafeMutableRawBufferPointer, Instant) -> Int,
    give: @escaping (Bool, UnsafeRawBufferPointer, Instant) -> Void,
    deadline: @escaping () -> Instant?, timeout: @escaping (Instant) -> Void
  ) {
    (self.left, self.right) = (left, right)
    (self.poll, self.give, self.deadline, self.timeout) = (poll, give, deadline, timeout)
  }

  /// Lets time pass until `done` says so or the limit is reached; true when it was `done`.
  @discardableResult
  func run(for limit: Interval = .seconds(60), until done: () -> Bool = { false }) -> Bool {
    let end = now + limit
    while !done() {
      drain(fromLeft: true)
      drain(fromLeft: false)
      let next = min(inFlight.map(\.at).min() ?? end, deadline() ?? end)
      guard next < end else {
        now = end
        timeout(now)
        return done()
      }
      now = max(now, next)
      let due = inFlight.filter { $0.at <= now }
      inFlight.removeAll { $0.at <= now }
      for item in due { item.packet.withUnsafeBytes { give(item.toRight, $0, now) } }
      timeout(now)
    }
    return true
  }

  private func drain(fromLeft: Bool) {
    var buffer = [UInt8](repeating: 0, count: 1_200)
    while true {
      let length = buffer.withUnsafeMutableBytes { poll(fromLeft, $0, now) }
      guard length > 0 else { return }
      seen(Array(buffer[..<length]), fromLeft)
      if !isLost(fromLeft) { inFlight.append((now + delay, fromLeft, Array(buffer[..<length]))) }
    }
  }
}

/// Identities and random sources of two ends.
struct EndpointSeed {
  let client: Ed25519Identity
  let server: Ed25519Identity
  let seed: UInt64

  init(_ seed: UInt64 = 1) {
    var random = SeededGenerator(seed: seed)
    self.seed = seed
    client = Ed25519Identity(random: &random)
    server = Ed25519Identity(random: &random)
  }

  func generator(_ offset: UInt64) -> Session.Generator {
    Session.Generator(base: SeededGenerator(seed: seed &+ offset))
  }

  /// The dialer and the server of a tunnel.
  func tunnels(
    limits: UpstreamTunnel.Limits = UpstreamTunnel.Limits()
  ) throws -> PacketPair<UpstreamTunnel, UpstreamTunnel> {
    let now = Instant(nanoseconds: 1_000_000_000)
    let dialer = try UpstreamTunnel(
      isServer: false, identity: client, pin: server.publicKey, limits: limits, random: generator(1), at: now)
    let listener = try UpstreamTunnel(
      isServer: true, identity: server, pin: client.publicKey, limits: limits, random: generator(2), at: now)
    return PacketPair(
      dialer, listener,
      poll: { fromLeft, buffer, now in
        let length = (fromLeft ? dialer : listener).nextPacket(into: buffer, at: now)
        (fromLeft ? dialer : listener).burstEnded(at: now)
        return length
      },
      give: { toRight, packet, now in (toRight ? listener : dialer).receive(packet, at: now) },
      deadline: { [dialer.deadline, listener.deadline].compactMap { $0 }.min() },
      timeout: {
        dialer.handleTimeout(at: $0)
        listener.handleTimeout(at: $0)
      })
  }

  /// A bare client endpoint, to say what no dialer of ours says, and the server of a tunnel.
  func bare(
    limits: UpstreamTunnel.Limits = UpstreamTunnel.Limits(), parameters: QUICParameters = .upstreamTunnel
  ) throws -> PacketPair<QUICEndpoint, UpstreamTunnel> {
    let now = Instant(nanoseconds: 1_000_000_000)
    let endpoint = try QUICEndpoint(
      isServer: false, identity: client, pin: server.publicKey, parameters: parameters, random: generator(1))
    let listener = try UpstreamTunnel(
      isServer: true, identity: server, pin: client.publicKey, limits: limits, random: generator(2), at: now)
    return PacketPair(
      endpoint, listener,
      poll: { fromLeft, buffer, now in
        if fromLeft {
          defer { endpoint.burstEnded(at: now) }
          return endpoint.poll(into: buffer, limit: buffer.count, at: now)
        }
        defer { listener.burstEnded(at: now) }
        return listener.nextPacket(into: buffer, at: now)
      },
      give: { toRight, packet, now in
        if toRight { listener.receive(packet, at: now) } else { endpoint.receive(packet, at: now) }
      },
      deadline: { [endpoint.deadline, listener.deadline].compactMap { $0 }.min() },
      timeout: {
        endpoint.handleTimeout(at: $0)
        listener.handleTimeout(at: $0)
      })
  }
}

extension UpstreamTunnel {
  func takeEvents() -> [StreamEvent] {
    var result: [StreamEvent] = []
    while let event = pollEvent() { result.append(event) }
    return result
  }

  /// Adds as much of `bytes` as is wanted; how many that were.
  func put(_ bytes: ArraySlice<UInt8>, on id: Int64) -> Int {
    var rest = bytes
    while !rest.isEmpty, wanted(by: id) > 0 {
      let count = fill(id) { room in
        let piece = rest.prefix(room.count)
        room.copyBytes(from: piece)
        return piece.count
      }
      guard count > 0 else { break }
      rest = rest.dropFirst(count)
    }
    return bytes.count - rest.count
  }

  func readAll(_ id: Int64) -> (bytes: [UInt8], state: StreamReadState) {
    var bytes: [UInt8] = []
    let state = read(id) {
      bytes += $0
      return $0.count
    }
    return (bytes, state)
  }
}

extension QUICEndpoint {
  /// Opens a stream of a connection and says `bytes` on it.
  func say(_ bytes: [UInt8], on number: Int, finishing: Bool = false) -> Int64? {
    guard let connection = connections[number], let stream = connection.openStream() else { return nil }
    add(bytes, to: stream, of: number, finishing: finishing)
    return stream
  }

  func add(_ bytes: [UInt8], to stream: Int64, of number: Int, finishing: Bool = false) {
    guard let connection = connections[number] else { return }
    bytes.withUnsafeBytes { connection.append($0, to: stream) }
    if finishing { connection.finish(stream) }
    touch(number)
  }

  func hear(_ stream: Int64, of number: Int) -> (bytes: [UInt8], state: StreamReadState)? {
    defer { touch(number) }
    return connections[number]?.readAll(stream)
  }
}
