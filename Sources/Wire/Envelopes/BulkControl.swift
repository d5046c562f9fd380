/// One step of upstream's rate probe before bulk packets (envelope `v2_bulk_control`).
public struct BulkControl: Hashable, Sendable {
  /// `TransferClaim.protocolName`.
  public var protocolName = ""
  /// `probe-end`, `probe-result`, `ready`, `decision` or `ack`.
  public var phase = ""
  /// A random number; all 64 bits count.
  public var probeRunID: UInt64 = 0
  /// `bulk-packets-v1` or `quic`.
  public var mode = ""
  /// The rate to start with, in megabits a second.
  public var selectedMegabits = 0
  /// Why this mode.
  public var reason = ""
  /// The train's figures.
  public var probe: BulkProbe?

  /// A step with everything zero or empty.
  public init() {}
}

extension BulkControl: JSONObject {
  static var blank: BulkControl { BulkControl() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "protocol": try value.store(into: &protocolName)
    case "phase": try value.store(into: &phase)
    case "probe_run_id": try value.store(into: &probeRunID)
    case "mode": try value.store(into: &mode)
    case "selected_mbps": try value.store(into: &selectedMegabits)
    case "reason": try value.store(into: &reason)
    case "probe": try value.store(into: &probe)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("protocol", protocolName)
    writer.member("phase", phase)
    writer.member("probe_run_id", probeRunID)
    writer.member("mode", mode)
    writer.member("selected_mbps", omittingEmpty: selectedMegabits)
    writer.member("reason", omittingEmpty: reason)
    writer.member("probe", omittingEmpty: probe)
  }
}

/// What became of one train of probe datagrams.
public struct BulkProbe: Hashable, Sendable {
  /// Which train, from 0.
  public var train = 0
  /// Its rate in megabits a second.
  public var rateMegabits = 0
  /// Datagrams sent.
  public var sent = 0
  /// Datagrams received.
  public var received = 0
  /// The sender could not keep the rate.
  public var isPressure = false
  /// No train follows.
  public var isFinal = false

  /// Figures that are all zero.
  public init() {}
}

extension BulkProbe: JSONObject {
  static var blank: BulkProbe { BulkProbe() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "train": try value.store(into: &train)
    case "rate_mbps": try value.store(into: &rateMegabits)
    case "sent": try value.store(into: &sent)
    case "received": try value.store(into: &received)
    case "pressure": try value.store(into: &isPressure)
    case "final": try value.store(into: &isFinal)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("train", train)
    writer.member("rate_mbps", rateMegabits)
    writer.member("sent", sent)
    writer.member("received", received)
    writer.member("pressure", isPressure)
    writer.member("final", isFinal)
  }
}
