import ArgumentParser

/// What stands between a host and the public segment, in RFC 4787's terms: how a router maps (which public port
/// an internal one gets) and how it filters (what it lets in).
enum NATKind: String, CaseIterable, ExpressibleByArgument {
  /// No router: a public address.
  case none
  /// Full cone: endpoint-independent mapping and filtering.
  case open
  /// Restricted cone: endpoint-independent mapping, address-dependent filtering.
  case restricted
  /// Port-restricted cone, netfilter's plain masquerade: endpoint-independent mapping as long as ports are free,
  /// address-and-port-dependent filtering.
  case portRestricted = "port-restricted"
  /// `masquerade random`: a random port for each destination, filtering by address and port.
  case random
  /// Symmetric, `masquerade fully-random`: a random port for each destination, filtering by address and port.
  case hard
  /// Plain masquerade that lets no UDP through at all.
  case udpBlocked = "udp-blocked"

  /// nftables rules for a router with one host. `wan` is the outer device.
  func rules(wan: String, lan: String, outside: String, host: String) -> String {
    switch self {
    case .none: ""
    case .open: NATRules.cone(wan: wan, lan: lan, outside: outside, host: host, admits: "")
    case .restricted:
      NATRules.cone(
        wan: wan, lan: lan, outside: outside, host: host, admits: "udp dport . ip saddr @peers")
    case .portRestricted: NATRules.masquerade("masquerade", wan: wan)
    case .random: NATRules.masquerade("masquerade random", wan: wan)
    case .hard: NATRules.masquerade("masquerade fully-random", wan: wan)
    case .udpBlocked:
      NATRules.masquerade("masquerade", wan: wan)
        + "\nadd rule inet lab forward meta l4proto udp drop"
    }
  }
}

/// The rules' text.
enum NATRules {
  /// What every home router does besides translating: nothing comes in that was not asked for, and what is
  /// addressed to the router itself is dropped before connection tracking keeps it. (Were it kept, it would
  /// occupy the very tuple that the host's own answer needs, and the answer would get another port.)
  private static func firewall(wan: String, admitting: String) -> String {
    """
      chain input {
        type filter hook input priority filter; policy accept;
        iifname "\(wan)" ct state established,related accept
        iifname "\(wan)" meta l4proto ipv6-icmp accept
        iifname "\(wan)" drop
      }
      chain forward {
        type filter hook forward priority filter; policy accept;
      }
      chain guard {
        type filter hook forward priority filter + 10; policy accept;
        iifname "\(wan)" ct state established,related accept
        \(admitting)
        iifname "\(wan)" drop
      }
    """
  }

  /// Translation by `statement`; IPv6 passes untranslated behind the same firewall.
  static func masquerade(_ statement: String, wan: String) -> String {
    """
    table inet lab {
    \(firewall(wan: wan, admitting: ""))
      chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "\(wan)" meta nfproto ipv4 \(statement)
      }
    }
    """
  }

  /// Each UDP port of the host is the same port of the router, whomever it talks to; from outside those datagrams
  /// come in that match `admits`.
  static func cone(wan: String, lan: String, outside: String, host: String, admits: String) -> String {
    """
    table inet lab {
      set peers {
        type inet_service . ipv4_addr; flags dynamic,timeout; timeout 120s; size 65535;
      }
    \(firewall(wan: wan, admitting: "iifname \"\(wan)\" ct status dnat accept"))
      chain remember {
        type filter hook forward priority filter - 10; policy accept;
        iifname "\(lan)" oifname "\(wan)" meta nfproto ipv4 meta l4proto udp \
    update @peers { udp sport . ip daddr }
      }
      chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        iifname "\(wan)" meta nfproto ipv4 ip daddr \(outside) udp dport 1024-65535 \(admits) dnat ip to \(host)
      }
      chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "\(wan)" meta nfproto ipv4 snat ip to \(outside)
      }
    }
    """
  }
}
