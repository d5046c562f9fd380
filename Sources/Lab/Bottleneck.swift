import Basics

/// The narrow place on the way from the first site to the second.
struct Bottleneck {
  /// Of what leaves towards the second site, with link headers; nil for as fast as the machine can.
  var bitsPerSecond: Int?
  /// How long the queue in front of it may get.
  var queue = Interval.milliseconds(50)
  /// Packets of 10,000 that are dropped at random before the queue.
  var lossPer10000 = 0
  /// Whether the way back loses as many.
  var losesBothWays = false
}

/// What passed a bottleneck so far.
struct BottleneckCounters {
  /// Packets with payload, or answers to it, that came to it and those that were dropped at random: UDP only.
  var offered = 0
  var lost = 0
  /// What left the queue, in bytes with link headers, and packets that found it full.
  var passedBytes = 0
  var queueDrops = 0
  /// Datagrams that left the first host and that arrived at the second one.
  var departed = 0
  var arrived = 0
  /// Datagrams for which the receiver's socket had no room.
  var overrun = 0
  /// What arrived at the second host, in bytes with IP headers.
  var udpBytes = 0
  var tcpBytes = 0
}

extension Topology {
  /// Makes the way towards the second host narrow. For sites without routers.
  func narrow(_ bottleneck: Bottleneck) throws {
    // A batch of datagrams, or of TCP segments, crosses device pairs as one large packet, and would be lost or
    // queued as one. Each packet for itself is what links know.
    for (namespace, device) in hosts.map({ ($0, "wan") }) + [(relay, "eth0")] {
      try namespace.inside {
        try SystemCommand.run([
          "ethtool", "-K", device, "tx-tcp-segmentation", "off", "tx-udp-segmentation", "off",
        ])
      }
    }
    try segment.nft(Self.lossRules(bottleneck))
    try hosts[0].nft(
      """
      table inet departures {
        counter udp-out { }
        chain output {
          type filter hook output priority filter; policy accept;
          ip daddr \(Self.outside(1)) meta l4proto udp counter name "udp-out"
        }
      }

      """)
    try hosts[1].nft(
      """
      table inet arrivals {
        counter udp-in { }
        counter tcp-in { }
        chain input {
          type filter hook input priority filter; policy accept;
          ip saddr \(Self.outside(0)) meta l4proto udp counter name "udp-in"
          meta l4proto tcp counter name "tcp-in"
        }
      }

      """)
    guard let rate = bottleneck.bitsPerSecond else { return }
    // A millisecond's worth at once, as the kernel's timers need, but never less than two packets.
    let burst = max(3_100, rate / 8 / 1_000)
    try SystemCommand.run([
      "tc", "-netns", segment.name, "qdisc", "add", "dev", "site-b", "root", "tbf", "rate", "\(rate)bit",
      "burst", "\(burst)b", "latency", "\(bottleneck.queue.inMicroseconds)us",
    ])
  }

  private static func lossRules(_ bottleneck: Bottleneck) -> String {
    let drop = "numgen random mod 10000 < \(bottleneck.lossPer10000)"
    let loss = bottleneck.lossPer10000 > 0
    let forth = "iifname \"site-a\" oifname \"site-b\""
    let back = "iifname \"site-b\" oifname \"site-a\""
    return """
      table inet narrow {
        counter offered { }
        counter lost { }
        chain forward {
          type filter hook forward priority filter; policy accept;
          \(forth) meta l4proto udp counter name "offered"
          \(loss ? "\(forth) \(drop) goto dropped" : "")
          \(loss && bottleneck.losesBothWays ? "\(back) \(drop) drop" : "")
        }
        chain dropped {
          meta l4proto udp counter name "lost"
          drop
        }
      }

      """
  }

  /// What passed so far.
  func bottleneckCounters() throws -> BottleneckCounters {
    var result = BottleneckCounters()
    let forwarded = try segment.nftOutput(["list", "counters"])
    result.offered = NFTCounter("offered", in: forwarded).packets
    result.lost = NFTCounter("lost", in: forwarded).packets
    let arrived = try hosts[1].nftOutput(["list", "counters"])
    result.udpBytes = NFTCounter("udp-in", in: arrived).bytes
    result.arrived = NFTCounter("udp-in", in: arrived).packets
    result.departed = NFTCounter("udp-out", in: try hosts[0].nftOutput(["list", "counters"])).packets
    result.overrun = try hosts[1].inside { Self.overruns(try TextFile.read("/proc/self/net/snmp")) }
    result.tcpBytes = NFTCounter("tcp-in", in: arrived).bytes
    let queue = try SystemCommand.output(of: [
      "tc", "-netns", segment.name, "-s", "-j", "qdisc", "show", "dev", "site-b",
    ])
    result.passedBytes = Int(queue.jsonNumber("bytes") ?? 0)
    result.queueDrops = Int(queue.jsonNumber("drops") ?? 0)
    return result
  }
}

extension Topology {
  /// The member `RcvbufErrors` of the two lines about UDP: names, then values.
  fileprivate static func overruns(_ table: String) -> Int {
    let lines = table.split(separator: "\n").filter { $0.hasPrefix("Udp:") }.map { $0.split(separator: " ") }
    guard lines.count == 2, let place = lines[0].firstIndex(of: "RcvbufErrors"), place < lines[1].count else {
      return 0
    }
    return Int(lines[1][place]) ?? 0
  }
}

/// `counter NAME { packets N bytes M }`, as nft prints it over several lines.
struct NFTCounter {
  var packets = -1
  var bytes = -1

  init(_ name: String, in listing: String) {
    let words = listing.split { $0 == " " || $0 == "\n" || $0 == "\t" }
    guard let start = words.firstIndex(of: Substring(name)), words.count > start + 5 else { return }
    packets = Int(words[start + 3]) ?? -1
    bytes = Int(words[start + 5]) ?? -1
  }
}
