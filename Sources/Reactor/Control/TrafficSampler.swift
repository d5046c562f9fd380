import Basics

/// Rates of counts that grow, for a status that somebody asks for at any moment: the counts are looked at regularly, and
/// a rate is what they grew by between the last two looks.
public final class TrafficSampler {
  /// What one of those who are counted has carried so far.
  public struct Sample: Hashable, Sendable {
    /// Who; the same from look to look.
    public var id: Int
    public var bytesIn: UInt64
    public var bytesOut: UInt64

    public init(id: Int, bytesIn: UInt64, bytesOut: UInt64) {
      self.id = id
      self.bytesIn = bytesIn
      self.bytesOut = bytesOut
    }
  }

  /// In bytes a second.
  public struct Rates: Hashable, Sendable {
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0

    public init(bytesIn: UInt64 = 0, bytesOut: UInt64 = 0) {
      self.bytesIn = bytesIn
      self.bytesOut = bytesOut
    }
  }

  /// How often the counts are looked at.
  public static let interval = Interval.seconds(2)

  private let loop: EventLoop
  private let interval: Interval
  private let read: () -> [Sample]
  private var timer: LoopTimer?
  private var last: [Int: Sample] = [:]
  private var lookedAt: Instant
  private var rates: [Int: Rates] = [:]

  /// - Parameter read: gives the counts of everybody.
  public init(
    _ loop: EventLoop, interval: Interval = TrafficSampler.interval, read: @escaping () -> [Sample]
  ) {
    self.loop = loop
    self.interval = interval
    self.read = read
    lookedAt = loop.now
    timer = loop.makeTimer { [weak self] in self?.look() }
    timer?.arm(after: interval)
  }

  /// The rates between the last two looks; zero for who was not there at both.
  public subscript(id: Int) -> Rates { rates[id] ?? Rates() }

  private func look() {
    let now = loop.now
    let seconds = (now - lookedAt).inSeconds
    lookedAt = now
    timer?.arm(after: interval)
    var found: [Int: Sample] = [:]
    rates = [:]
    for sample in read() {
      found[sample.id] = sample
      guard let earlier = last[sample.id], seconds > 0 else { continue }
      rates[sample.id] = Rates(
        bytesIn: Self.rate(from: earlier.bytesIn, to: sample.bytesIn, seconds),
        bytesOut: Self.rate(from: earlier.bytesOut, to: sample.bytesOut, seconds))
    }
    last = found
  }

  private static func rate(from earlier: UInt64, to later: UInt64, _ seconds: Double) -> UInt64 {
    later > earlier ? UInt64(Double(later - earlier) / seconds) : 0
  }
}
