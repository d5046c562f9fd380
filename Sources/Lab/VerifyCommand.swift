import ArgumentParser
import Basics
import CNamespaces
import Glibc
import Reactor

/// `lab verify`: whether the lab's own routers and delay line are what they claim to be.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check the lab's own routers and delay line with plain UDP.",
    discussion: """
      Mapping: one socket talks to two ports of one address and to a second address, and they compare what port \
      they see (RFC 4787 section 4.1). Filtering: a new socket talks to one of them, and the others try to answer \
      (section 5).
      """)

  @Flag(help: "Punch holes for the pairs of `lab grid --quick` only.")
  var quick = false

  func run() throws {
    try Isolation.run {
      var isGood = true
      Output.line("\("router".padded(16)) \("mapping".padded(28)) \("filtering".padded(28)) port kept")
      for kind in NATKind.allCases {
        let seen = try NATCheck(kind).run()
        let isExpected = seen == kind.expected
        isGood = isGood && isExpected
        Output.line(
          "\(kind.rawValue.padded(16)) \(seen.mapping.padded(28)) \(seen.filtering.padded(28)) "
            + "\(seen.keepsPort ? "yes" : "no")\(isExpected ? "" : "  NOT AS EXPECTED")")
      }
      for milliseconds: Int64 in [20, 100, 300] {
        let seen = try DelayCheck(.milliseconds(milliseconds)).roundTrip()
        let excess = seen - .milliseconds(milliseconds)
        let isExpected = excess >= .zero && excess < .milliseconds(5)
        isGood = isGood && isExpected
        Output.line(
          "round trip \(milliseconds) ms: \(Milliseconds.text(seen)) ms"
            + (isExpected ? "" : "  NOT AS EXPECTED"))
      }
      let isCut = try DelayCheck(.milliseconds(20)).isCutAndHealed()
      isGood = isGood && isCut
      Output.line("cut and healed: \(isCut ? "yes" : "NOT AS EXPECTED")")
      for cell in Cell.all where !quick || cell.isQuick {
        guard let check = try PunchCheck(cell) else { continue }
        let passes = try check.passes()
        let isExpected = passes == (cell.isPassedByPlainUDP)
        isGood = isGood && isExpected
        Output.line(
          "plain hole punching \(cell.name.padded(34)) \(passes ? "passes" : "does not pass")"
            + (isExpected ? "" : "  NOT AS EXPECTED"))
      }
      Output.line(try DelayCheck.ceilings())
      guard isGood else { throw ExitCode(LabStatus.failure) }
    }
  }
}

/// What a router does, in RFC 4787's words.
struct NATBehaviour: Hashable {
  var mapping: String
  var filtering: String
  var keepsPort: Bool

  static let independent = "endpoint-independent"
  static let address = "address-dependent"
  static let port = "address-and-port-dependent"
  static let blocked = "blocked"
}

extension NATKind {
  /// What it must turn out to be.
  var expected: NATBehaviour {
    switch self {
    case .none, .open:
      NATBehaviour(mapping: NATBehaviour.independent, filtering: NATBehaviour.independent, keepsPort: true)
    case .restricted:
      NATBehaviour(mapping: NATBehaviour.independent, filtering: NATBehaviour.address, keepsPort: true)
    case .portRestricted:
      NATBehaviour(mapping: NATBehaviour.independent, filtering: NATBehaviour.port, keepsPort: true)
    case .random, .hard:
      NATBehaviour(mapping: NATBehaviour.port, filtering: NATBehaviour.port, keepsPort: false)
    case .udpBlocked:
      NATBehaviour(mapping: NATBehaviour.blocked, filtering: NATBehaviour.blocked, keepsPort: false)
    }
  }
}

/// One router, one host behind it, and three sockets outside.
private struct NATCheck {
  private let topology: Topology
  private let outside: [PlainSocket]

  init(_ kind: NATKind) throws {
    topology = try Topology(Site(kind), Site(.none), LinkOptions())
    let relay = topology.relay
    outside = try [("198.51.100.1", 5_001), ("198.51.100.1", 5_002), ("198.51.100.2", 5_001)].map {
      try PlainSocket(relay, $0.0, UInt16($0.1))
    }
  }

  func run() throws -> NATBehaviour {
    let inner = try PlainSocket(topology.hosts[0], "0.0.0.0", 40_000)
    let mapped = outside.map { target in
      inner.send(to: target.address)
      return target.receive()?.port
    }
    guard let first = mapped[0], let second = mapped[1], let third = mapped[2] else {
      return NATBehaviour(mapping: NATBehaviour.blocked, filtering: NATBehaviour.blocked, keepsPort: false)
    }
    let mapping =
      first != second ? NATBehaviour.port : first != third ? NATBehaviour.address : NATBehaviour.independent

    // Another internal port, which has talked to nobody yet.
    let fresh = try PlainSocket(topology.hosts[0], "0.0.0.0", 40_001)
    fresh.send(to: outside[0].address)
    guard let visible = outside[0].receive() else { throw LabError("a datagram was lost") }
    outside[0].send(to: visible)
    guard fresh.receive() != nil else { throw LabError("an answer was filtered") }
    outside[2].send(to: visible)
    let fromElsewhere = fresh.receive() != nil
    outside[1].send(to: visible)
    let fromOtherPort = fresh.receive() != nil
    let filtering =
      fromElsewhere ? NATBehaviour.independent : fromOtherPort ? NATBehaviour.address : NATBehaviour.port
    return NATBehaviour(mapping: mapping, filtering: filtering, keepsPort: first == 40_000)
  }
}

/// Two hosts with public addresses and the delay line between them.
struct DelayCheck {
  private let topology: Topology
  private let one: PlainSocket
  private let other: PlainSocket

  init(_ roundTrip: Interval) throws {
    topology = try Topology(Site(.none), Site(.none), LinkOptions(roundTrip: roundTrip))
    one = try PlainSocket(topology.hosts[0], Topology.outside(0), 7_000)
    other = try PlainSocket(topology.hosts[1], Topology.outside(1), 7_000)
  }

  /// There and back, the second time: the first one also pays for finding neighbours.
  func roundTrip() throws -> Interval {
    var begin = Instant.zero
    for _ in 0..<2 {
      begin = PlainSocket.now
      one.send(to: other.address)
      guard let source = other.receive() else { throw LabError("the delay line lost a datagram") }
      other.send(to: source)
      guard one.receive() != nil else { throw LabError("the delay line lost a datagram") }
    }
    return PlainSocket.now - begin
  }

  /// Whether a cut path carries nothing, and a healed one something again.
  func isCutAndHealed() throws -> Bool {
    let passes = [
      {},
      topology.cut,
      topology.heal,
    ]
    return try passes.map { change in
      try change()
      one.send(to: other.address)
      return other.receive() != nil
    } == [true, false, true]
  }

  /// What the lab's own links carry at most.
  static func ceilings() throws -> String {
    let delayed = try DelayCheck(.milliseconds(20)).megabytesPerSecond()
    let plain = try DelayCheck(.zero).megabytesPerSecond()
    return "delay line: \(delayed) MB/s of 1,400-byte datagrams arrive; without it: \(plain) MB/s"
  }

  /// How much arrives of as much as one thread can send for a second, while it also receives.
  func megabytesPerSecond() throws -> Int {
    let begin = PlainSocket.now
    var received = 0
    while PlainSocket.now - begin < .seconds(1) {
      for _ in 0..<32 { one.send(to: other.address, length: 1_400) }
      received += other.drain()
    }
    return received / 1_000_000
  }
}
