import Basics
import Wire

@testable import Engine

/// A NAT of RFC 4787: how it maps and filters, which ports it gives, and whether it hairpins.
struct FakeNAT {
  enum Dependence { case endpoint, address, addressAndPort }
  enum Allocation { case preserving, sequential(Int), scattered }

  var mapping = Dependence.endpoint
  var filtering = Dependence.addressAndPort
  var allocation = Allocation.scattered
  var hairpins = false
  let address = IPAddress("198.51.100.7")!

  private struct Binding {
    var local: IPEndpoint
    var key: IPEndpoint
    var port: UInt16
    var contacted: [IPEndpoint]
  }
  private var bindings: [Binding] = []
  private var lastPort: UInt16 = 40_000

  init(
    mapping: Dependence = .endpoint, filtering: Dependence = .addressAndPort,
    allocation: Allocation = .scattered, hairpins: Bool = false
  ) {
    self.mapping = mapping
    self.filtering = filtering
    self.allocation = allocation
    self.hairpins = hairpins
  }

  /// The source that the destination sees.
  mutating func send(from local: IPEndpoint, to remote: IPEndpoint) -> IPEndpoint {
    let key = Self.relevant(remote, mapping)
    if let known = bindings.firstIndex(where: { $0.local == local && $0.key == key }) {
      bindings[known].contacted.append(remote)
      return IPEndpoint(address: address, port: bindings[known].port)
    }
    switch allocation {
    case .preserving: lastPort = local.port
    case .sequential(let step): lastPort = UInt16(Int(lastPort) + step)
    case .scattered: lastPort = 20_000 + (lastPort &* 31_421 &+ 6_927) % 40_000
    }
    bindings.append(Binding(local: local, key: key, port: lastPort, contacted: [remote]))
    return IPEndpoint(address: address, port: lastPort)
  }

  /// The local socket that a datagram from outside reaches; nil when it is dropped.
  func receive(at port: UInt16, from remote: IPEndpoint) -> IPEndpoint? {
    bindings.first { binding in
      binding.port == port
        && binding.contacted.contains { Self.relevant($0, filtering) == Self.relevant(remote, filtering) }
    }?.local
  }

  /// What of an endpoint counts.
  private static func relevant(_ endpoint: IPEndpoint, _ dependence: Dependence) -> IPEndpoint {
    switch dependence {
    case .endpoint: IPEndpoint(address: IPAddress(ipv4: 0), port: 0)
    case .address: IPEndpoint(address: endpoint.address, port: 0)
    case .addressAndPort: endpoint
    }
  }
}
