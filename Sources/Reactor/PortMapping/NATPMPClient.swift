import Basics
import Wire

/// NAT-PMP (RFC 6886): the external address and the mapping are asked for apart.
final class NATPMPClient: MappingClient {
  let kind = PortMappingProtocol.natPMP

  private let loop: EventLoop
  private let target: MappingTarget
  private var wantedPort: UInt16
  private var exchange: NATPMPExchange?

  init(_ loop: EventLoop, _ target: MappingTarget) {
    self.loop = loop
    self.target = target
    wantedPort = target.wantedPort
  }

  func probe(_ done: @escaping (Result<MappingPresence, PortMappingFailure>) -> Void) {
    begin(.externalAddress) { outcome in
      done(
        outcome.flatMap { answer in
          guard case .externalAddress(let address, let epoch) = answer else { return .failure(.unsupported) }
          return .success(MappingPresence(external: address, epoch: epoch))
        })
    }
  }

  func map(_ done: @escaping (Result<MappingGrant, PortMappingFailure>) -> Void) {
    probe { [weak self] outcome in
      switch outcome {
      case .failure(let failure): done(.failure(failure))
      case .success(let presence): self?.map(presence.external, done)
      }
    }
  }

  func release(_ done: @escaping (Bool) -> Void) {
    // Both the external port and the lifetime of a removal are 0 (RFC 6886, section 3.4).
    begin(.map(internalPort: target.internalPort, externalPort: 0, lifetime: 0)) { outcome in
      if case .success = outcome { done(true) } else { done(false) }
    }
  }

  func close() { exchange?.close() }

  private func map(
    _ address: IPAddress?, _ done: @escaping (Result<MappingGrant, PortMappingFailure>) -> Void
  ) {
    guard let address, !address.isUnspecified else { return done(.failure(.unusableAddress)) }
    let request = NATPMPExchange.Request.map(
      internalPort: target.internalPort, externalPort: wantedPort, lifetime: target.lifetimeSeconds)
    begin(request) { [weak self] outcome in
      done(
        outcome.flatMap { answer in
          guard case .mapped(let port, let lifetime, let epoch) = answer, port != 0, lifetime > 0 else {
            return .failure(.refused("no port"))
          }
          self?.wantedPort = port
          return .success(
            MappingGrant(
              external: IPEndpoint(address: address, port: port), lifetime: .seconds(Int64(lifetime)),
              epoch: epoch))
        })
    }
  }

  private func begin(
    _ request: NATPMPExchange.Request,
    _ done: @escaping (Result<NATPMPExchange.Answer, PortMappingFailure>) -> Void
  ) {
    exchange?.close()
    exchange = NATPMPExchange(loop, gateway: target.gateway, request, done)
  }
}
