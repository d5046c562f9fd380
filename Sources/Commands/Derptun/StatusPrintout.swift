import Basics
import Wire

/// What tunnels said about themselves, for people and for programs.
struct StatusPrintout {
  let answers: [StatusQuery.Answer]
  let nowUnixSeconds: Int64

  /// One tunnel in full, several in a line each.
  var text: String { answers.count == 1 ? details : overview }

  /// A line for each tunnel.
  var overview: String {
    var table = TextTable(["TUNNEL", "PID", "UP", "RELAY", "CLIENTS", "CONNECTIONS", "IN", "OUT", "SERVICE"])
    for answer in answers {
      switch answer.result {
      case .success(let status):
        table.add([
          printable(answer.name), "\(status.pid)", Self.elapsed(status.uptimeSeconds),
          status.relayState.rawValue, "\(status.clients.count)", "\(status.counters.connections)",
          RateFormat.size(status.counters.bytesIn), RateFormat.size(status.counters.bytesOut),
          printable(Self.place(status)),
        ])
      case .failure(let failure): table.add([printable(answer.name), printable(failure.description)])
      }
    }
    return table.text
  }

  /// Everything about each tunnel.
  var details: String {
    answers.map { answer in
      switch answer.result {
      case .success(let status): detail(status)
      case .failure(let failure): "\(printable(answer.name)): \(printable(failure.description))\n"
      }
    }
    .joined(separator: "\n")
  }

  /// One object a line: the status, or the name and what went wrong.
  var jsonLines: String {
    answers.map { answer in
      switch answer.result {
      case .success(let status):
        return Console.harmless(String(decoding: status.json, as: UTF8.self)) + "\n"
      case .failure(let failure):
        var object = JSONMembers()
        object.add("name", answer.name)
        object.add("error", failure.description)
        return object.text + "\n"
      }
    }
    .joined()
  }

  private func detail(_ status: TunnelStatus) -> String {
    let counters = status.counters
    let verb = status.role == .serve ? "serves" : "listens at"
    var text =
      "\(printable(status.name)): \(verb) \(printable(Self.place(status))), pid \(status.pid), "
      + "up \(Self.elapsed(status.uptimeSeconds)) since \(Self.moment(status.startedUnixSeconds))\n"
    let reasons = counters.refusals.map { "\(printable($0.reason)) \($0.count)" }.joined(separator: ", ")
    let claims =
      "\(counters.claimsTaken) taken, \(counters.claimsRefused) refused"
      + (reasons.isEmpty ? "" : " (\(reasons))")
    let traffic =
      "\(counters.connections) connections, \(RateFormat.size(counters.bytesIn)) in, "
      + "\(RateFormat.size(counters.bytesOut)) out"
    let outages =
      "\(counters.reconnections) new connections to the relay, \(counters.outagesResumed) sessions resumed"
    var facts = [
      ("Relay", (status.relay.isEmpty ? "" : printable(status.relay) + ", ") + status.relayState.rawValue),
      ("Claims", claims), ("Traffic", traffic), ("Outages", outages),
    ]
    if !status.lastError.isEmpty { facts.append(("Last error", printable(status.lastError))) }
    facts.append(("Clients", "\(status.clients.count)"))
    for (name, value) in facts { text += TextTable.padded("  \(name):", 15) + value + "\n" }
    return status.clients.isEmpty ? text : text + clients(status.clients)
  }

  private func clients(_ clients: [TunnelStatus.Client]) -> String {
    var table = TextTable([
      "  CLIENT", "PATH", "ADDRESS", "ROUND TRIP", "IN", "OUT", "IN/S", "OUT/S", "TCP", "UDP", "TOO LARGE",
      "CONNECTED", "EXPIRES", "TOKEN",
    ])
    for client in clients {
      table.add([
        "  " + printable(client.name), client.path.rawValue, printable(client.address),
        client.roundTripMicroseconds.map(PathFormat.roundTrip) ?? "-",
        RateFormat.size(client.bytesIn), RateFormat.size(client.bytesOut),
        RateFormat.size(client.bytesPerSecondIn), RateFormat.size(client.bytesPerSecondOut),
        "\(client.connections) of \(client.connectionsTotal)", "\(client.udpFlows)",
        "\(client.datagramsTooLarge)", Self.elapsed(nowUnixSeconds &- client.connectedUnixSeconds),
        client.expiresUnixSeconds == 0 ? "never" : Self.moment(client.expiresUnixSeconds),
        client.tokenID.hex,
      ])
    }
    return table.text
  }

  private static func place(_ status: TunnelStatus) -> String {
    status.role == .serve ? status.target : status.listening.joined(separator: ", ")
  }

  private static func moment(_ unixSeconds: Int64) -> String {
    Timestamp.text(unixSeconds) ?? "\(unixSeconds)"
  }

  /// `12 s`, `3 min 5 s`, `2 h 3 min`, `5 d 4 h`.
  static func elapsed(_ seconds: Int64) -> String {
    let seconds = max(0, seconds)
    let (minutes, hours) = (seconds / 60, seconds / 3_600)
    if minutes == 0 { return "\(seconds) s" }
    if hours == 0 { return "\(minutes) min \(seconds % 60) s" }
    if hours < 24 { return "\(hours) h \(minutes % 60) min" }
    return "\(hours / 24) d \(hours % 24) h"
  }
}
