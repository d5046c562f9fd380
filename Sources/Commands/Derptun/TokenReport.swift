import Wire

/// The facts of a token, for people and for programs.
struct TokenReport {
  private let facts: TokenFacts
  private let now: Int64

  init(_ facts: TokenFacts, nowUnixSeconds: Int64) {
    self.facts = facts
    now = nowUnixSeconds
  }

  private var isExpired: Bool { facts.expiresUnixSeconds <= now }

  /// One fact a line.
  var table: String {
    var lines = [("Kind", facts.role.thing), ("Version", "\(facts.version)")]
    lines.append(("Session ID", facts.sessionID.hex))
    if let client = facts.client {
      lines += [
        ("Client ID", client.clientID.hex), ("Token ID", client.tokenID.hex), ("Client name", client.name),
      ]
    }
    lines += [
      ("DERP public key", facts.derpPublic.hex), ("QUIC public key", facts.quicPublic.hex),
      ("Expires", "\(expiry), \(TimeLeft.text(until: facts.expiresUnixSeconds, now: now))"),
      ("Relay", relay),
    ]
    return lines.map { name, value in
      "\(name):" + String(repeating: " ", count: 16 - name.count) + value + "\n"
    }.joined()
  }

  /// One object on one line.
  var json: String {
    var object = JSONMembers()
    object.add("kind", facts.role.rawValue)
    object.add("version", facts.version)
    object.add("sessionID", facts.sessionID.hex)
    if let client = facts.client {
      object.add("clientID", client.clientID.hex)
      object.add("tokenID", client.tokenID.hex)
      object.add("clientName", client.name)
    }
    object.add("derpPublicKey", facts.derpPublic.hex)
    object.add("quicPublicKey", facts.quicPublic.hex)
    object.add("expires", Timestamp.text(facts.expiresUnixSeconds))
    object.add("expiresUnixSeconds", facts.expiresUnixSeconds)
    object.add(
      "secondsLeft", isExpired ? 0 : facts.expiresUnixSeconds.subtractingReportingOverflow(now).partialValue)
    object.add("expired", isExpired)
    object.add("relay", facts.relay)
    object.add("stunPort", facts.stunPort)
    return object.text
  }

  private var expiry: String {
    Timestamp.text(facts.expiresUnixSeconds) ?? "\(facts.expiresUnixSeconds) seconds after 1970"
  }

  private var relay: String {
    guard let url = facts.relay, let port = facts.stunPort else { return "public relays" }
    return "\(url), STUN port \(port)"
  }
}

/// How far away a moment is, in words.
enum TimeLeft {
  /// `89 days 4 hours left`, `expired 2 minutes ago`.
  static func text(until moment: Int64, now: Int64) -> String {
    // What does not fit is further away than anybody asks.
    let (difference, isTooFar) = moment.subtractingReportingOverflow(now)
    let isPast = moment <= now
    let length = duration(seconds: isTooFar ? UInt64.max : difference.magnitude)
    return isPast ? "expired \(length) ago" : "\(length) left"
  }

  /// The two largest units.
  private static func duration(seconds: UInt64) -> String {
    let units: [(name: String, length: UInt64)] = [
      ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1),
    ]
    let first = units.firstIndex { seconds >= $0.length } ?? units.count - 1
    var rest = seconds
    var parts: [String] = []
    for unit in units[first...].prefix(2) {
      let count = rest / unit.length
      rest %= unit.length
      if count > 0 || parts.isEmpty { parts.append("\(count) \(unit.name)\(count == 1 ? "" : "s")") }
    }
    return parts.joined(separator: " ")
  }
}
