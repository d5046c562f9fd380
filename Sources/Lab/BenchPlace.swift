import Basics
import CNamespaces
import Glibc

/// Where the programs of a benchmark run and how they reach each other.
///
/// In namespaces: sender and receiver are joined by a device pair, and each has another pair to the relay, which
/// forwards nothing between them. Without root everything is on loopback, and no device counts anything.
final class BenchPlace {
  private let namespaces: [BenchStep.Role: NetworkNamespace]
  /// The address at which the sender reaches the receiver, and the one at which both reach the relay.
  let receiverAddress: String
  let relayAddress: String
  /// A folder in memory.
  let folder: String
  /// How the place is called in the report.
  let description: String

  private init(
    _ namespaces: [BenchStep.Role: NetworkNamespace], receiver: String, relay: String, folder: String,
    _ description: String
  ) {
    self.namespaces = namespaces
    receiverAddress = receiver
    relayAddress = relay
    self.folder = folder
    self.description = description
  }

  /// Two namespaces for the peers and one for the relay. Addresses are from the ranges for documentation.
  static func namespaces() throws -> BenchPlace {
    let folder = "/run/netns/memory"
    mkdir(folder, 0o755)
    guard derphole_mount_memory(folder) == 0 else { throw LabError.system("mount \(folder)") }
    let sender = try NetworkNamespace("sender")
    let receiver = try NetworkNamespace("receiver")
    let relay = try NetworkNamespace("relay")
    for namespace in [sender, receiver, relay] {
      // Neighbour discovery would be counted with the rest.
      for scope in ["all", "default"] { try namespace.set("ipv6/conf/\(scope)/disable_ipv6", "1") }
    }
    let address = Topology.relayIPv4[0]
    try sender.ip(["link add name peer type veth peer name peer netns receiver"])
    try relay.ip(["addr add \(address)/32 dev lo"])
    for (number, namespace) in [sender, receiver].enumerated() {
      try relay.ip([
        "link add name down\(number) type veth peer name relay netns \(namespace.name)",
        "addr add 203.0.113.\(4 * number + 1)/30 dev down\(number)", "link set down\(number) up",
      ])
      try namespace.ip([
        "addr add 192.0.2.\(number + 1)/30 dev peer", "link set peer up",
        "addr add 203.0.113.\(4 * number + 2)/30 dev relay", "link set relay up",
        "route add \(address) via 203.0.113.\(4 * number + 1)",
      ])
    }
    return BenchPlace(
      [.sender: sender, .receiver: receiver, .relay: relay], receiver: "192.0.2.2", relay: address,
      folder: folder, "two network namespaces joined by a device pair, MTU 1500")
  }

  /// The machine's own loopback device, with files in `folder`.
  static func loopback(_ folder: String) -> BenchPlace {
    BenchPlace([:], receiver: "127.0.0.1", relay: "127.0.0.1", folder: folder, "loopback")
  }

  /// Where programs of that role run; nil for where the lab is.
  func namespace(_ role: BenchStep.Role) -> NetworkNamespace? { namespaces[role] }

  /// What the sender's devices have sent and received, in bytes; nil on loopback. A batch that leaves by one call
  /// is one large packet to these devices, so its inner headers are not in the count.
  func wireBytes() throws -> Int? {
    guard let sender = namespaces[.sender] else { return nil }
    let table = try sender.inside { try TextFile.read("/proc/self/net/dev") }
    // Two lines of heading; then the name, eight numbers of what was received, eight of what was sent.
    return table.split(separator: "\n").dropFirst(2).reduce(0) { sum, line in
      let words = line.split { $0 == " " || $0 == ":" }
      guard words.count > 9, words[0] != "lo" else { return sum }
      return sum + (Int(words[1]) ?? 0) + (Int(words[9]) ?? 0)
    }
  }
}
