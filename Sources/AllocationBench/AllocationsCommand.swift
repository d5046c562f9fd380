import ArgumentParser
import Basics
import CAllocations
import Crypto
import Engine
import Glibc
import Wire

/// `allocations`: how often two sessions allocate memory while payload flows between them over a direct path.
@main
struct AllocationsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "allocations",
    abstract: "Count memory allocations of two sessions while payload flows over a direct path.",
    discussion: """
      Both sessions live in this process; datagrams of 1,400 bytes pass between them in memory. Counted is what \
      malloc and its relatives are asked for after the first frames, by Swift and by every library.
      """)

  @Option(help: "Frames that are counted.")
  var frames = 100_000

  @Option(help: "Frames before, while buffers and the rate grow.")
  var warmUp = 50_000

  @Option(help: ArgumentHelp("Fail with more allocations per 1,000 frames.", valueName: "count"))
  var most: Double?

  @Flag(help: "Also print where they come from; needs addr2line.")
  var trace = false

  func validate() throws {
    guard frames > 0, warmUp >= 0 else { throw ValidationError("--frames and --warm-up cannot be negative") }
  }

  func run() throws {
    let pair = try SessionPair()
    try pair.connect()
    try pair.flow(frames: UInt64(warmUp))
    let before = Phase.allCases.map(\.count)
    if trace { derphole_allocation_trace() }
    try pair.flow(frames: UInt64(frames))
    let counts = zip(Phase.allCases, before).map { ($0, $0.count - $1) }
    for (phase, count) in counts {
      print("\(phase.title): \(rate(Double(count))) per 1,000 frames")
    }
    let total = Double(counts.reduce(0) { $0 + $1.1 })
    print("allocations per 1,000 frames: \(rate(total)) (\(Int(total)) in \(frames) frames)")
    if trace { Stacks.print() }
    if let most, total * 1_000 / Double(frames) > most {
      print("more than \(most) per 1,000 frames")
      throw ExitCode.failure
    }
  }

  /// With two digits.
  private func rate(_ count: Double) -> String {
    let hundredths = Int((count * 100_000 / Double(frames)).rounded())
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
  }
}

/// Two sessions, the relay between them until they are direct, and then two wires.
final class SessionPair {
  private let sender: SessionEnd
  private let receiver: SessionEnd
  private let forth = DatagramWire()
  private let back = DatagramWire()
  private var now = Instant.zero

  private static let step = Interval.microseconds(50)

  init() throws {
    var random = SeededGenerator(seed: 1)
    let keys = (X25519PrivateKey(random: &random), X25519PrivateKey(random: &random))
    let token = SessionToken(
      sessionID: Bytes16(high: random.next(), low: random.next()), expiresUnixSeconds: 2_000_000_000,
      bootstrapRegion: 1, derpPublic: keys.0.publicKey, quicPublic: .zero,
      bearerSecret: Bytes32(random.bytes(32)) ?? .zero, capabilities: [.stdio, .native])
    let addresses = [IPAddress("192.0.2.1"), IPAddress("192.0.2.2")].compactMap(\.self)
    receiver = try SessionEnd(
      SessionConfiguration(
        role: .acceptor(expiresAt: .zero + .seconds(3_600)), token: token, derpKey: keys.0, flow: .receives,
        relayHost: "relay.test"), address: addresses[0], seed: 31)
    sender = try SessionEnd(
      SessionConfiguration(
        role: .claimant, token: token, derpKey: keys.1, flow: .sends, relayHost: "relay.test"),
      address: addresses[1], seed: 32)
  }

  /// Carries packets through the relay and datagrams until both are direct.
  func connect() throws {
    for _ in 0..<100_000 where !(sender.hasDirectPath && receiver.hasDirectPath) {
      advance()
      for end in [sender, receiver] { end.collect(at: now) }
      let other = receiver.takeSent()
      for packet in sender.takeSent() { receiver.deliver(packet, from: sender.key, at: now) }
      for packet in other { sender.deliver(packet, from: receiver.key, at: now) }
    }
    guard sender.hasDirectPath, receiver.hasDirectPath else { throw Stuck(what: "no direct path") }
  }

  /// Lets payload flow until that many more frames have arrived.
  func flow(frames: UInt64) throws {
    let target = receiver.session.statistics.framesReceived + frames
    let limit = now + .seconds(600)
    while receiver.session.statistics.framesReceived < target {
      Phase.filling.counted {
        while sender.session.wantedFromSource > 0, sender.session.fillFromSource({ $0.count }) > 0 {}
      }
      advance()
      guard now < limit, sender.session.outcome == nil, receiver.session.outcome == nil else {
        throw Stuck(what: "the payload does not flow")
      }
    }
  }

  /// A step of time with all that is due in it.
  private func advance() {
    now = now + Self.step
    for end in [sender, receiver] {
      Phase.timers.counted {
        while let due = end.session.nextDeadline, due <= now { end.session.handleTimeout(at: now) }
      }
    }
    forth.take(from: sender, .sending, at: now)
    forth.deliver(to: receiver, from: sender.endpoint, .receiving, at: now)
    back.take(from: receiver, .acknowledging, at: now)
    back.deliver(to: sender, from: receiver.endpoint, .acknowledged, at: now)
    for end in [sender, receiver] { end.drainEvents(at: now) }
  }
}

/// The two sessions did not do what they should.
struct Stuck: Error, CustomStringConvertible {
  let what: String
  var description: String { what }
}

/// Where allocations come from.
enum Stacks {
  /// Prints the stacks that allocate most, innermost function first.
  static func print() {
    var frames = [Int](repeating: 0, count: 12)
    for rank in 0..<Int32(10) {
      var phase: Int32 = 0
      var depth: Int32 = 0
      let count = derphole_allocation_stack(rank, &frames, Int32(frames.count), &phase, &depth)
      guard count > 0 else { return }
      Swift.print("\n\(count) while \(Phase(rawValue: phase)?.title ?? ""):")
      resolve(frames[..<Int(depth)])
    }
  }

  private static func resolve(_ frames: ArraySlice<Int>) {
    // Outside of the program there is nothing that it could know.
    let offsets = frames.filter { (0..<1 << 30).contains($0) }.map { "0x" + String($0, radix: 16) }
    let command =
      "addr2line -f -e /proc/\(getpid())/exe \(offsets.joined(separator: " ")) | grep -v -e '^?' -e '^/' -e '^crtstuff'"
      + " | swift demangle --simplified"
    guard let pipe = popen(command, "r") else { return }
    var line = [CChar](repeating: 0, count: 4_096)
    while fgets(&line, Int32(line.count), pipe) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      Swift.print("    \(text.prefix(140).split(separator: "\n").first ?? "")")
    }
    pclose(pipe)
  }
}
