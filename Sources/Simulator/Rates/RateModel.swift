import Basics
import DequeModule
import Engine
import Wire

/// Flows that share one bottleneck, in virtual time.
///
/// Data passes the bottleneck, then possibly random loss, then half of the base round trip; acknowledgements return
/// after the other half and are lost with the same chance.
public struct RateModel {
  /// What goes through the bottleneck.
  public enum Competitor: Sendable, Hashable {
    /// The real sender and receiver of a direct lane.
    case ours
    /// A TCP flow with CUBIC.
    case cubic
  }

  /// A path and what it carries.
  public struct Cell: Sendable {
    /// Bits a second.
    public var rate: Double
    /// The round trip without a queue.
    public var roundTrip: Interval
    /// The chance of a packet to be lost.
    public var loss: Double
    /// How long the queue is, in time.
    public var queue: Interval
    public var flows: [Competitor]
    public var duration: Interval
    /// The first part of the run is not counted in shares.
    public var settling: Interval
    /// What the bucket of the link passes at once, in bytes.
    public var bucket: Int
    /// How late timers fire at most.
    public var timerSlack: Interval
    /// The receiver's window, in bytes.
    public var window: Int
    public var seed: UInt64

    public init(
      megabits: Double, roundTrip: Interval, loss: Double = 0, queue: Interval, flows: [Competitor] = [.ours],
      duration: Interval = .seconds(10), seed: UInt64 = 1
    ) {
      rate = megabits * 1e6
      self.roundTrip = roundTrip
      self.loss = loss
      self.queue = queue
      self.flows = flows
      self.duration = duration
      self.seed = seed
      settling = flows.count > 1 ? duration / 3 : .zero
      bucket = 16 << 10
      timerSlack = .microseconds(100)
      window = 40 << 20
    }
  }

  /// What became of a run.
  public struct Outcome: Sendable {
    /// The part of the link's bytes that carried payload for the first time, from the first packet on.
    public var utilisation: Double
    /// Bytes sent again beyond what random loss took, as a part of the payload.
    public var excess: Double
    public var meanDelay: Interval
    public var maximumDelay: Interval
    /// Every flow's part of what arrived after settling.
    public var shares: [Double]
  }

  /// Bytes around a payload on the wire: IPv4, UDP and the frame.
  static let overhead = 28 + SessionFrameHeader.overhead
  static let framePayload = 1_400 - SessionFrameHeader.overhead
  /// Datagrams that leave in one call.
  static let batch = 46
}

extension RateModel {
  /// Runs the cell; `observe` is called with the time and the first flow's state every 100 ms.
  public static func run(_ cell: Cell, observe: ((Instant, String) -> Void)? = nil) -> Outcome {
    let run = RateRun(cell)
    run.observe = observe
    run.run()
    return run.outcome
  }
}

/// One run of a cell.
final class RateRun {
  /// One flow and what is under way for it.
  private struct Flow {
    var ours: DirectLaneModel?
    var cubic = CubicFlow()
    var acknowledgements = Deque<(at: Instant, acknowledgement: Acknowledgement)>()
    var echoes = Deque<(at: Instant, number: UInt64, sentAt: Instant)>()
    /// When the sender looks at the time again.
    var wakeAt: Instant?
    var startsAt = Instant.zero
    var randomlyLost = 0
    var settledBytes: UInt64 = 0
    var cubicReceived: UInt64 = 0

    var received: UInt64 { ours?.received ?? cubicReceived }
  }

  private struct Packet {
    var at: Instant
    var flow: Int
    var frame: DirectLaneModel.Frame
    var sentAt: Instant
  }

  private let cell: RateModel.Cell
  private var link: Bottleneck
  private var random: SeededGenerator
  private var flows: [Flow] = []
  private var packets = Deque<Packet>()
  private var now = Instant.zero
  var observe: ((Instant, String) -> Void)?

  init(_ cell: RateModel.Cell) {
    self.cell = cell
    let bytes = cell.rate / 8
    let queue = max(Int(bytes * cell.queue.inSeconds), 12_000)
    link = Bottleneck(rate: bytes, queueLimit: queue, bucket: cell.bucket)
    random = SeededGenerator(seed: cell.seed)
    for (index, kind) in cell.flows.enumerated() {
      var flow = Flow()
      // Flows never begin together.
      flow.startsAt = Instant.zero + .milliseconds(Int64(700 * index))
      flow.wakeAt = flow.startsAt
      if kind == .ours {
        flow.ours = DirectLaneModel(
          framePayload: RateModel.framePayload, window: cell.window, roundTrip: cell.roundTrip,
          at: flow.startsAt)
      }
      flows.append(flow)
    }
  }

  private func isLost() -> Bool { cell.loss > 0 && Double.random(in: 0..<1, using: &random) < cell.loss }

  func run() {
    let end = Instant.zero + cell.duration
    var settled = false
    var observed = Instant.zero
    while let next = nextTime, next <= end {
      now = max(now, next)
      if !settled, now - .zero >= cell.settling {
        settled = true
        for index in flows.indices { flows[index].settledBytes = flows[index].received }
      }
      if let observe, now >= observed {
        observe(now, flows[0].ours?.rateSummary ?? "")
        observed = now + .milliseconds(100)
      }
      arrive()
      for index in flows.indices { serve(index) }
    }
  }

  private var nextTime: Instant? {
    var next = packets.first?.at
    func consider(_ time: Instant?) {
      guard let time else { return }
      next = next.map { min($0, time) } ?? time
    }
    for flow in flows {
      consider(flow.acknowledgements.first?.at)
      consider(flow.echoes.first?.at)
      consider(flow.wakeAt)
      consider(flow.ours?.acknowledgeAt)
    }
    return next
  }

  private func arrive() {
    while let packet = packets.first, packet.at <= now {
      packets.removeFirst()
      if isLost() {
        flows[packet.flow].randomlyLost += packet.frame.length
        continue
      }
      if let ours = flows[packet.flow].ours {
        ours.arrive(packet.frame, at: now)
        acknowledge(packet.flow)
      } else {
        flows[packet.flow].cubicReceived += UInt64(packet.frame.length)
        flows[packet.flow].echoes.append((now + cell.roundTrip / 2, packet.frame.number, packet.sentAt))
      }
    }
    for index in flows.indices { acknowledge(index) }
  }

  private func acknowledge(_ index: Int) {
    guard let ours = flows[index].ours, let due = ours.acknowledgeAt, due <= now,
      let acknowledgement = ours.takeAcknowledgement(at: now), !isLost()
    else { return }
    flows[index].acknowledgements.append((now + cell.roundTrip / 2, acknowledgement))
  }

  /// Lets a sender take what has come and send what it may.
  private func serve(_ index: Int) {
    var isAwake = false
    if let wake = flows[index].wakeAt, wake <= now { isAwake = true }
    while let (at, acknowledgement) = flows[index].acknowledgements.first, at <= now {
      flows[index].acknowledgements.removeFirst()
      flows[index].ours?.handle(acknowledgement, at: now)
      isAwake = true
    }
    while let (at, number, sentAt) = flows[index].echoes.first, at <= now {
      flows[index].echoes.removeFirst()
      flows[index].cubic.acknowledged(number, roundTrip: now - sentAt, at: now)
      isAwake = true
    }
    guard isAwake, now >= flows[index].startsAt else { return }
    if let ours = flows[index].ours { serve(ours, index) } else { serveCubic(index) }
  }

  private func serve(_ ours: DirectLaneModel, _ index: Int) {
    ours.handleTimeout(at: now)
    while let frame = ours.poll(at: now) {
      transmit(index, frame, bytes: frame.length + RateModel.overhead)
    }
    guard let due = ours.deadline(after: now) else { return flows[index].wakeAt = nil }
    let slack = Int64.random(in: 0...max(0, cell.timerSlack.nanoseconds), using: &random)
    flows[index].wakeAt = max(due, now) + Interval(nanoseconds: slack + 1_000)
  }

  private func serveCubic(_ index: Int) {
    let limit = max(.milliseconds(300), cell.roundTrip * 3) + cell.queue * 2
    if now - max(flows[index].cubic.quietSince, flows[index].startsAt) > limit {
      flows[index].cubic.timedOut(at: now)
    }
    while flows[index].cubic.maySend {
      let number = flows[index].cubic.send()
      transmit(
        index, .init(number: number, offset: 0, length: CubicFlow.segment), bytes: CubicFlow.segment + 52)
    }
    flows[index].wakeAt = now + limit
  }

  private func transmit(_ index: Int, _ frame: DirectLaneModel.Frame, bytes: Int) {
    guard let leaves = link.pass(bytes, at: now) else { return }
    packets.append(Packet(at: leaves + cell.roundTrip / 2, flow: index, frame: frame, sentAt: now))
  }

  var outcome: RateModel.Outcome {
    let received = flows.reduce(0.0) { $0 + Double($1.received) }
    let scale = Double(RateModel.framePayload + RateModel.overhead) / Double(RateModel.framePayload)
    let settled = flows.map { Double($0.received - $0.settledBytes) }
    let all = max(settled.reduce(0, +), 1)
    var again = 0.0
    var payload = 1.0
    for (index, flow) in flows.enumerated() {
      guard let ours = flow.ours else { continue }
      // What is still under way is neither lost nor sent again.
      let open = packets.reduce(0) { $0 + ($1.flow == index ? $1.frame.length : 0) }
      again += max(0, Double(ours.sent) - Double(ours.received) - Double(flow.randomlyLost) - Double(open))
      payload += Double(ours.received)
    }
    return RateModel.Outcome(
      utilisation: received * scale / (cell.rate / 8 * cell.duration.inSeconds), excess: again / payload,
      meanDelay: link.meanWait, maximumDelay: link.longestWait, shares: settled.map { $0 / all })
  }
}
