import Basics

/// What a party has of IPv6.
enum IPv6Access: String, CaseIterable, Sendable {
  case none
  case open
  /// Behind a stateful firewall.
  case firewalled
}

/// Sockets that a party's system does not give.
enum SocketRefusal: String, CaseIterable, Sendable {
  case none
  case ipv4
  case ipv6
  /// The additional ones.
  case extra
}

/// What parties share of the way to the public network.
enum SharedNetwork: String, CaseIterable, Sendable {
  case none
  /// They are in one house.
  case home
  /// Their outermost NAT is the same one.
  case carrier
}

/// How a party reaches the public network by datagrams.
struct AccessOptions: Hashable, Sendable {
  /// The NATs in front of the party, from the inside out; a public address if there are none.
  var nats: [NATBehaviour] = []
  var hasIPv4 = true
  var ipv6 = IPv6Access.none
  /// Whether no datagram leaves or enters.
  var isBlocked = false
  /// One-way delay of the access.
  var delay = Interval.milliseconds(1)
  /// Bytes a second, each way.
  var rate = 10_000_000
  /// Bytes that wait for the line, each way.
  var queue = 262_144
  /// The largest IP packet that the interface takes, and the largest that passes the next hop.
  var mtu = 1_500
  var hopMTU = 1_500
  /// Whether the router makes a static mapping for the IPv4 socket.
  var isPortMapped = false
  var isRelayOnly = false
  var refusal = SocketRefusal.none
}

/// The datagram network of a run.
struct DatagramOptions: Hashable, Sendable {
  /// Whether there is one at all.
  var isAvailable = false
  /// The claimant's access, which is also how the rival's is made.
  var claimant = AccessOptions()
  var acceptor = AccessOptions()
  var shared = SharedNetwork.none
  /// STUN servers that answer, and how many of those that are told do not.
  var stunServers = 2
  var deadServers = 0
  /// When the sessions are told of them, after their start; also when the router has made a static mapping.
  var stunDelay = Interval.milliseconds(20)
  /// Datagrams of a thousand that are lost, doubled, overtaken by others, or damaged.
  var loss = 0
  var double = 0
  var reorder = 0
  var corrupt = 0
  /// Datagrams of a thousand that an intruder sends again under an address of its own, sends back to where they came
  /// from, sends on under another address instead of letting them pass, or accompanies by forged ones.
  var replay = 0
  var reflect = 0
  var redirect = 0
  var forge = 0
  /// The most datagrams that are handed over as one batch.
  var batch = 64
  /// How long the interface gathers datagrams before it hands them over.
  var gathering = Interval.zero
  /// Bytes that may wait for the line before the system takes no more; what is sent then has to wait.
  var socketBuffer = 4 << 20
  /// How much longer a detour takes, each way, and how much longer IPv6 always does.
  var detour = Interval.milliseconds(120)
  var ipv6Lag = Interval.zero
  /// What is left of the hop's MTU when it shrinks.
  var shrunkMTU = 1_280
}
