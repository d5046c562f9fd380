import Basics
import Crypto
import Machines
import Wire

@testable import Engine

/// Short names for tests of direct paths.
enum PathFixture {
  static let start = Instant.zero + .seconds(100)

  static func endpoint(_ text: String) -> IPEndpoint { IPEndpoint(text)! }

  static func path(_ text: String, socket: SocketID = .ipv4) -> DirectPath {
    DirectPath(socket: socket, remote: endpoint(text))
  }

  static var key: DiscoveryKey { DiscoveryKey(SecretBytes(count: 32) { $0[0] = 7 }) }
}

/// Two probers and a network that hands each the other's packets, as long as it works.
struct ProberPair {
  var random = SeededGenerator(seed: 5)
  var ours = Prober(key: PathFixture.key, isClaimant: true, at: PathFixture.start)
  var theirs = Prober(key: PathFixture.key, isClaimant: false, at: PathFixture.start)
  var now = PathFixture.start
  let path = PathFixture.path("192.0.2.7:4242")
  /// Where the other side sees us.
  let back = PathFixture.path("192.0.2.1:1111")
  /// Probes that left our side so far.
  var sent: [Prober.Datagram] = []

  /// What leaves our side now.
  mutating func poll() -> [Prober.Datagram] {
    var result: [Prober.Datagram] = []
    while let datagram = ours.poll(at: now, random: &random) { result.append(datagram) }
    sent += result
    return result
  }

  /// The other side's answers to a packet of ours.
  mutating func answers(to datagram: Prober.Datagram) -> [[UInt8]] {
    _ = datagram.bytes.withUnsafeBytes { theirs.receive($0, over: back, at: now, random: &random) }
    var result: [[UInt8]] = []
    while let answer = theirs.poll(at: now, random: &random) { result.append(answer.bytes) }
    return result
  }

  @discardableResult
  mutating func receive(_ packet: [UInt8], over other: DirectPath? = nil) -> Prober.Verdict {
    packet.withUnsafeBytes { ours.receive($0, over: other ?? path, at: now, random: &random) }
  }

  /// Sends what is due and takes the answers.
  mutating func exchange() {
    for datagram in poll() {
      for answer in answers(to: datagram) { receive(answer) }
    }
  }

  /// Lets time pass from deadline to deadline; polls and loses what leaves, or exchanges.
  mutating func pass(_ interval: Interval, isCut: Bool = true) {
    let end = now + interval
    while let due = ours.deadline, due <= end {
      now = max(now, due)
      ours.handleTimeout(at: now, random: &random)
      if isCut { _ = poll() } else { exchange() }
    }
    now = end
  }

  mutating func add(_ other: DirectPath? = nil, _ origin: CandidatePair.Origin = .told) -> Bool {
    ours.add(other ?? path, origin, at: now, random: &random)
  }

  mutating func tell(_ event: ProbingMachine.Event) { ours.tellAll(event, at: now, random: &random) }

  var state: ProbingMachine.State? { ours.pair(path)?.machine.state }
}
