import Basics
import Glibc
import Reactor
import Relaying
import Wire

/// What the relay says on stderr: sentences for people, or one JSON object a line.
final class RelayReport {
  private let json: Bool
  private let verbose: Bool
  private var lost = 0

  init(json: Bool, verbose: Bool) {
    self.json = json
    self.verbose = verbose
  }

  func ready(_ host: RelayHost, isTLS: Bool) {
    let url = "\(isTLS ? "https" : "http")://\(host.address)/derp"
    let stun = host.stunAddress.map { "\($0)" }
    if json {
      var line = JSONLine(event: "listening")
      line.add("address", "\(host.address)")
      line.add("url", url)
      line.add("tls", isTLS)
      if let stun { line.add("stun", stun) }
      line.add("public_key", host.publicKey.hex)
      print(line.text)
    } else {
      print("derprelay: listening on \(host.address) (\(url))\(stun.map { ", STUN on \($0)" } ?? "")")
    }
  }

  func note(_ event: RelayEvent) {
    guard json || verbose else { return }
    var line: JSONLine
    let sentence: String
    switch event {
    case .refused(let address, let reason):
      line = JSONLine(event: "refused")
      line.add("address", Self.text(address))
      line.add("reason", reason.description)
      sentence = "refused \(Self.text(address)): \(reason)"
    case .answered(let id, let status):
      line = JSONLine(event: "answered")
      line.add("connection", id.description)
      line.add("status", UInt64(status))
      sentence = "\(id) answered with \(status)"
    case .joined(let id, let key, let address):
      line = JSONLine(event: "joined")
      line.add("connection", id.description)
      line.add("key", key.hex)
      line.add("address", Self.text(address))
      sentence = "\(id) joined from \(Self.text(address)) as \(key.hex)"
    case .left(let id, let key, let reason, let traffic):
      line = JSONLine(event: "left")
      line.add("connection", id.description)
      if let key { line.add("key", key.hex) }
      line.add("reason", reason.description)
      line.add("packets_received", traffic.packetsReceived)
      line.add("bytes_received", traffic.bytesReceived)
      line.add("packets_sent", traffic.packetsSent)
      line.add("packets_dropped", traffic.packetsDropped)
      sentence =
        "\(id) left: \(reason); packets: \(traffic.packetsReceived) from it, \(traffic.packetsSent) to it, "
        + "\(traffic.packetsDropped) of those dropped"
    }
    print(json ? line.text : sentence)
  }

  func stopping(_ host: RelayHost) {
    if json {
      var line = JSONLine(event: "stopping")
      line.add("connections", UInt64(host.connectionCount))
      print(line.text)
    } else {
      print("derprelay stops")
    }
  }

  func stopped(_ counters: RelayCounters) {
    guard json || verbose else { return }
    let numbers: [(String, UInt64)] = [
      ("connections", counters.connections), ("refusals", counters.refusals), ("joins", counters.joins),
      ("packets_relayed", counters.packetsRelayed), ("bytes_relayed", counters.bytesRelayed),
      ("dropped_unknown", counters.droppedUnknown), ("dropped_full", counters.droppedFull),
      ("dropped_control", counters.droppedControl), ("pauses", counters.pauses),
    ]
    var line = JSONLine(event: "stopped")
    for (name, value) in numbers { line.add(name, value) }
    print(json ? line.text : numbers.map { "\($0.0) \($0.1)" }.joined(separator: ", "))
  }

  func failure(_ message: String) {
    if json {
      var line = JSONLine(event: "error")
      line.add("message", message)
      print(line.text)
    } else {
      print("derprelay: \(message)")
    }
  }

  private static func text(_ address: Bytes16) -> String { IPAddress(ipv6: address).unmapped.description }

  /// A reader that does not keep up must not hold the relay up: a line that would block is left out and counted.
  private func print(_ line: String) {
    var descriptor = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
    guard poll(&descriptor, 1, 0) == 1 else {
      lost += 1
      return
    }
    if lost > 0 {
      var notice = JSONLine(event: "lines_lost")
      notice.add("count", UInt64(lost))
      let text = json ? notice.text : "\(lost) lines were left out here"
      lost = 0
      write(text)
    }
    write(line)
  }

  private func write(_ line: String) {
    var bytes = Array(Console.harmless(line).utf8)
    bytes.append(UInt8(ascii: "\n"))
    _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
  }
}
