extension TunnelStatus {
  /// What happened since the process started; nothing here ever becomes less.
  public struct Counters: Hashable, Sendable {
    /// Claims that were let in.
    public var claimsTaken: UInt64 = 0
    /// Claims that were not, by reason, in the order of the reasons' first appearance.
    public private(set) var refusals: [Refusal] = []
    /// TCP connections of all clients.
    public var connections: UInt64 = 0
    /// Payload of all clients.
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    /// How often the relay had to be connected again.
    public var reconnections: UInt64 = 0
    /// Outages of a client after which its session went on.
    public var outagesResumed: UInt64 = 0

    /// The most reasons that are told apart.
    static let maximumReasons = 16
    static let otherReason = "other"

    public init() {}

    /// Counts a claim that was not let in. `reason` is a word of ours, such as `expired`; what comes when there are too
    /// many different ones is counted together, for every one of them costs memory here and in who collects metrics.
    public mutating func countRefusal(_ reason: String, times count: UInt64 = 1) {
      if let index = refusals.firstIndex(where: { $0.reason == reason }) {
        refusals[index].count &+= count
      } else if refusals.count < Self.maximumReasons - 1 || reason == Self.otherReason {
        refusals.append(Refusal(reason: reason, count: count))
      } else {
        countRefusal(Self.otherReason, times: count)
      }
    }

    /// How many claims were not let in.
    public var claimsRefused: UInt64 { refusals.reduce(0) { $0 &+ $1.count } }
  }

  /// How many claims were refused for one reason.
  public struct Refusal: Hashable, Sendable {
    public var reason = ""
    public var count: UInt64 = 0

    public init(reason: String, count: UInt64) {
      self.reason = reason
      self.count = count
    }
  }
}

extension TunnelStatus.Counters: JSONObject {
  static var blank: TunnelStatus.Counters { TunnelStatus.Counters() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "claimstaken": try value.store(into: &claimsTaken)
    case "refusals": try value.store(objects: &refusals)
    case "connections": try value.store(into: &connections)
    case "bytesin": try value.store(into: &bytesIn)
    case "bytesout": try value.store(into: &bytesOut)
    case "reconnections": try value.store(into: &reconnections)
    case "outagesresumed": try value.store(into: &outagesResumed)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("claimsTaken", claimsTaken)
    writer.member("refusals", objects: refusals)
    writer.member("connections", connections)
    writer.member("bytesIn", bytesIn)
    writer.member("bytesOut", bytesOut)
    writer.member("reconnections", reconnections)
    writer.member("outagesResumed", outagesResumed)
  }
}

extension TunnelStatus.Refusal: JSONObject {
  static var blank: TunnelStatus.Refusal { TunnelStatus.Refusal(reason: "", count: 0) }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "reason": try value.store(into: &reason)
    case "count": try value.store(into: &count)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("reason", reason)
    writer.member("count", count)
  }
}
