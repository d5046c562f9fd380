import Basics
import Wire

/// The question "where do my datagrams come from?" of one socket to one server, asked until it is answered.
struct STUNExchange: Sendable {
  /// How long each try waits for an answer before the next one leaves; after the last nothing more is sent.
  /// Tries leave at 0, 100, 300 and 700 ms: datagrams get lost, and round trips reach 300 ms.
  static let waits: [Interval] = [.milliseconds(100), .milliseconds(200), .milliseconds(400)]

  let server: IPEndpoint
  /// Where the answer is to come from, if not from where the question goes.
  let change: STUNChange
  /// What the server saw, while it may be believed.
  private(set) var mapped: IPEndpoint?
  /// Whether the server has answered since the network last changed.
  private(set) var isAnswered = false
  /// The round trip of the latest answer.
  private(set) var latency: Interval?
  /// When the next try leaves; nil when none does.
  private(set) var nextTry: Instant?
  /// The tries whose answer would count, at most one more than there are waits.
  private var outstanding: [(id: STUNTransactionID, sentAt: Instant)] = []

  init(server: IPEndpoint, change: STUNChange = [], at now: Instant) {
    self.server = server
    self.change = change
    nextTry = now
  }

  /// Whether the tries of this round are used up and none was answered.
  var isUnanswered: Bool { nextTry == nil && !outstanding.isEmpty }

  /// Asks again and lets the earlier answer stand until then.
  mutating func refresh(at now: Instant) {
    outstanding = []
    nextTry = now
  }

  /// Forgets the answer and asks anew.
  mutating func restart(at now: Instant) {
    mapped = nil
    latency = nil
    isAnswered = false
    refresh(at: now)
  }

  /// Makes the request of a try that is due.
  mutating func makeRequest(at now: Instant, random: inout some RandomNumberGenerator) -> [UInt8] {
    let id = STUNTransactionID(random: &random)
    nextTry = outstanding.count < Self.waits.count ? now + Self.waits[outstanding.count] : nil
    outstanding.append((id, now))
    return STUNMessage.request(id, change: change)
  }

  /// Takes an answer to one of the tries; false when it is none. `endpoint` is nil when what the server says it saw
  /// cannot be.
  mutating func take(_ id: STUNTransactionID, _ endpoint: IPEndpoint?, at now: Instant) -> Bool {
    guard let sent = outstanding.first(where: { $0.id == id }) else { return false }
    outstanding = []
    nextTry = nil
    mapped = endpoint
    isAnswered = true
    latency = max(.zero, now - sent.sentAt)
    return true
  }
}
