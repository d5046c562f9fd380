import Basics
import Wire

/// PCP over a socket of its own (RFC 6887).
final class PCPClient: MappingClient {
  let kind = PortMappingProtocol.pcp

  private struct Exchange {
    var request: PCPRequest
    var attempt = 0
    var done: (Result<PCPResponse, PortMappingFailure>) -> Void
  }

  private let loop: EventLoop
  private let server: SocketAddress
  private let target: MappingTarget
  /// One for the life of the mapping: renewal and removal must name it again.
  private let nonce: PCPNonce
  private var wanted: IPEndpoint
  private var socket: UDPSocket?
  private var openFailure: PortMappingFailure?
  private var exchange: Exchange?
  private var timer: LoopTimer?

  init(_ loop: EventLoop, _ target: MappingTarget, random: inout some RandomNumberGenerator) {
    self.loop = loop
    self.target = target
    server = SocketAddress(target.gateway, port: target.port)
    nonce = PCPNonce(random: &random)
    wanted = IPEndpoint(address: IPAddress(ipv4: 0), port: target.wantedPort)
    do throws(ReactorError) {
      socket = try UDPSocket(loop, SocketAddress(target.local, port: 0)) { [weak self] _, bytes, peer in
        self?.received(UnsafeRawBufferPointer(bytes), from: peer)
      }
    } catch {
      openFailure = .from(error)
    }
    timer = loop.makeTimer { [weak self] in self?.timedOut() }
  }

  func probe(_ done: @escaping (Result<MappingPresence, PortMappingFailure>) -> Void) {
    begin(PCPRequest(.announce, client: target.local)) { outcome in
      // A refusal is a sign of life too: some servers know no ANNOUNCE.
      done(outcome.map { MappingPresence(external: nil, epoch: $0.epoch) })
    }
  }

  func map(_ done: @escaping (Result<MappingGrant, PortMappingFailure>) -> Void) {
    begin(mapRequest(lifetime: target.lifetimeSeconds)) { [weak self] outcome in
      done(
        outcome.flatMap { response in
          guard response.result == .success else { return .failure(.refused("\(response.result)")) }
          guard case .map(let mapping) = response.operation, response.lifetime > 0 else {
            return .failure(.refused("no lifetime"))
          }
          self?.wanted = mapping.external
          return .success(
            MappingGrant(
              external: mapping.external, lifetime: .seconds(Int64(response.lifetime)),
              epoch: response.epoch))
        })
    }
  }

  func release(_ done: @escaping (Bool) -> Void) {
    begin(mapRequest(lifetime: 0)) { outcome in
      if case .success(let response) = outcome { done(response.result == .success) } else { done(false) }
    }
  }

  func close() {
    exchange = nil
    timer?.disarm()
    socket?.close()
  }

  private func mapRequest(lifetime: UInt32) -> PCPRequest {
    PCPRequest(
      .map(PCPMapping(nonce: nonce, internalPort: target.internalPort, external: wanted)), lifetime: lifetime,
      client: target.local)
  }

  private func begin(
    _ request: PCPRequest, _ done: @escaping (Result<PCPResponse, PortMappingFailure>) -> Void
  ) {
    exchange = Exchange(request: request, done: done)
    // Without a socket the timer ends it, so that the caller hears of it from the loop.
    if openFailure != nil { timer?.arm(after: .zero) } else { send() }
  }

  private func send() {
    guard let exchange, let wait = MappingRetransmission.wait(afterAttempt: exchange.attempt) else {
      return finish(.failure(.noAnswer))
    }
    exchange.request.serialized().withUnsafeBytes { _ = socket?.send($0, to: server) }
    timer?.arm(after: wait)
  }

  private func timedOut() {
    if let openFailure { return finish(.failure(openFailure)) }
    exchange?.attempt += 1
    send()
  }

  private func received(_ packet: UnsafeRawBufferPointer, from peer: SocketAddress) {
    guard let exchange, peer == server else { return }
    do throws(PCPError) {
      finish(.success(try PCPResponse.parse(packet, to: exchange.request)))
    } catch {
      if error == .unsupportedVersion { finish(.failure(.unsupported)) }
    }
  }

  private func finish(_ outcome: Result<PCPResponse, PortMappingFailure>) {
    guard let done = exchange?.done else { return }
    exchange = nil
    timer?.disarm()
    if case .success(let response) = outcome, response.result == .unsupportedVersion {
      return done(.failure(.unsupported))
    }
    done(outcome)
  }
}

extension PortMappingFailure {
  static func from(_ error: ReactorError) -> PortMappingFailure {
    if case .system(let system) = error { return .system(system) }
    return .refused(error.description)
  }
}
