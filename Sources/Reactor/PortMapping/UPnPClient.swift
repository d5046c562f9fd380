import Basics
import Synchronization
import Wire

/// UPnP towards one router, on a thread of its own because libminiupnpc blocks.
final class UPnPClient: MappingClient {
  let kind = PortMappingProtocol.upnp

  /// What a job brings back.
  private enum Output: Sendable {
    case found(Result<UPnPService, PortMappingFailure>)
    case mapped(Result<MappingGrant, PortMappingFailure>, UPnPService?)
    case removed(Bool)
  }

  /// The mapping that exists, as the thread knows it: the loop may hear of it too late to remove it.
  private final class Made: Sendable {
    let mapping = Mutex<(service: UPnPService, port: UInt16)?>(nil)
  }

  /// Given up after this time; the thread may take longer, and is left to it.
  private static let limit = Interval.seconds(10)

  private let loop: EventLoop
  private let target: MappingTarget
  private let cancelled = CancelFlag()
  private let made = Made()
  private var helper: HelperThread<Output>?
  private var service: UPnPService?
  /// The external port of the mapping that exists.
  private var mappedPort: UInt16?
  /// Ends the operation under way with "no answer".
  private var expire: (() -> Void)?
  private var operation = 0
  private var timer: LoopTimer?

  init(_ loop: EventLoop, _ target: MappingTarget) {
    self.loop = loop
    self.target = target
    helper = try? HelperThread(loop, capacity: 4)
    timer = loop.makeTimer { [weak self] in
      let expire = self?.expire
      self?.end()
      expire?()
    }
  }

  deinit { close() }

  func probe(_ done: @escaping (Result<MappingPresence, PortMappingFailure>) -> Void) {
    let (gateway, local, cancelled) = (target.gateway, target.local, cancelled)
    begin(expired: { done(.failure(.noAnswer)) }) {
      .found(UPnPGateway.find(gateway: gateway, local: local, cancelled: cancelled))
    } finished: { [weak self] output in
      guard case .found(let outcome) = output else { return }
      if case .success(let service) = outcome { self?.service = service }
      done(outcome.map { MappingPresence(external: $0.external, epoch: nil) })
    }
  }

  func map(_ done: @escaping (Result<MappingGrant, PortMappingFailure>) -> Void) {
    let (target, cancelled, known, made) = (target, cancelled, service, made)
    let port = mappedPort ?? target.wantedPort
    let map = { @Sendable (service: UPnPService) in
      let outcome = UPnPGateway.map(service, target, wantedPort: port, cancelled: cancelled)
      if case .success(let grant) = outcome {
        made.mapping.withLock { $0 = (service, grant.external.port) }
      }
      return outcome
    }
    begin(expired: { done(.failure(.noAnswer)) }) {
      if let known {
        let outcome = map(known)
        // A router that restarted has its service elsewhere: only then it is worth a search.
        guard case .failure(.noAnswer) = outcome, !cancelled.isSet else { return .mapped(outcome, known) }
      }
      switch UPnPGateway.find(gateway: target.gateway, local: target.local, cancelled: cancelled) {
      case .failure(let failure): return .mapped(.failure(failure), nil)
      case .success(let service): return .mapped(map(service), service)
      }
    } finished: { [weak self] output in
      guard case .mapped(let outcome, let service) = output else { return }
      if let service { self?.service = service }
      if case .success(let grant) = outcome { self?.mappedPort = grant.external.port }
      done(outcome)
    }
  }

  func release(_ done: @escaping (Bool) -> Void) {
    // A mapping that is being made meanwhile is removed by the job that makes it, or by this one after it.
    cancelled.set()
    begin(expired: { done(false) }) { [made] in
      guard let mapping = made.mapping.withLock({ $0 }) else { return .removed(true) }
      return .removed(UPnPGateway.remove(mapping.service, externalPort: mapping.port))
    } finished: { output in
      if case .removed(let confirmed) = output { done(confirmed) } else { done(false) }
    }
  }

  func close() {
    cancelled.set()
    end()
    helper?.close()
  }

  private func begin(
    expired: @escaping () -> Void, _ work: @escaping @Sendable () -> Output,
    finished: @escaping (Output) -> Void
  ) {
    end()
    let number = operation
    expire = expired
    let isQueued =
      helper?.submit(work) { [weak self] output in
        guard let self, operation == number else { return }
        end()
        finished(output)
      } ?? false
    timer?.arm(after: isQueued ? Self.limit : .zero)
  }

  /// Forgets the operation under way.
  private func end() {
    operation += 1
    expire = nil
    timer?.disarm()
  }
}
