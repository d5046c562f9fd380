import Basics

/// The text of the datagram network's options.
extension Options.Field {
  static func word<Value: RawRepresentable>(
    _ name: String, _ path: WritableKeyPath<Options, Value>
  ) -> Options.Field where Value.RawValue == String {
    Options.Field(name: name, text: { $0[keyPath: path].rawValue }) { options, text in
      guard let value = Value(rawValue: text) else { return false }
      options[keyPath: path] = value
      return true
    }
  }

  /// NATs from the inside out, joined by `+`; `none` without any.
  static func nats(
    _ name: String, _ path: WritableKeyPath<Options, [NATBehaviour]>
  ) -> Options.Field {
    Options.Field(
      name: name,
      text: { options in
        let nats = options[keyPath: path]
        return nats.isEmpty ? "none" : nats.map(\.description).joined(separator: "+")
      },
      set: { options, text in
        let parts = text == "none" ? [] : text.split(separator: "+", omittingEmptySubsequences: false)
        let nats = parts.compactMap { NATBehaviour($0) }
        guard nats.count == parts.count, nats.count <= 2 else { return false }
        options[keyPath: path] = nats
        return true
      })
  }

  static var datagrams: [Options.Field] {
    let perMille = 0...1_000
    return [
      .flag("udp", \.datagrams.isAvailable), .word("shared", \.datagrams.shared),
      .number("stun-servers", \.datagrams.stunServers, 0...3),
      .number("dead-servers", \.datagrams.deadServers, 0...3), .time("stun-delay", \.datagrams.stunDelay),
      .number("udp-loss", \.datagrams.loss, perMille), .number("udp-double", \.datagrams.double, perMille),
      .number("udp-reorder", \.datagrams.reorder, perMille),
      .number("udp-corrupt", \.datagrams.corrupt, perMille),
      .number("udp-replay", \.datagrams.replay, perMille),
      .number("udp-reflect", \.datagrams.reflect, perMille),
      .number("udp-redirect", \.datagrams.redirect, perMille),
      .number("udp-forge", \.datagrams.forge, perMille), .number("batch", \.datagrams.batch, 1...64),
      .time("gathering", \.datagrams.gathering),
      .number("socket-buffer", \.datagrams.socketBuffer, 1...(1 << 30)),
      .time("detour", \.datagrams.detour), .time("ipv6-lag", \.datagrams.ipv6Lag),
      .number("shrunk-mtu", \.datagrams.shrunkMTU, 576...65_535),
    ] + access("claimant", \.datagrams.claimant) + access("acceptor", \.datagrams.acceptor)
  }

  private static func access(
    _ name: String, _ path: WritableKeyPath<Options, AccessOptions>
  ) -> [Options.Field] {
    [
      .nats("\(name)-nats", path.appending(path: \.nats)),
      .flag("\(name)-ipv4", path.appending(path: \.hasIPv4)),
      .word("\(name)-ipv6", path.appending(path: \.ipv6)),
      .flag("\(name)-udp-blocked", path.appending(path: \.isBlocked)),
      .time("\(name)-udp-delay", path.appending(path: \.delay)),
      .number("\(name)-udp-rate", path.appending(path: \.rate), 1_000...(1 << 40)),
      .number("\(name)-udp-queue", path.appending(path: \.queue), 0...(1 << 30)),
      .number("\(name)-mtu", path.appending(path: \.mtu), 576...65_535),
      .number("\(name)-hop-mtu", path.appending(path: \.hopMTU), 576...65_535),
      .flag("\(name)-port-mapped", path.appending(path: \.isPortMapped)),
      .flag("\(name)-relay-only", path.appending(path: \.isRelayOnly)),
      .word("\(name)-refused-sockets", path.appending(path: \.refusal)),
    ]
  }
}
