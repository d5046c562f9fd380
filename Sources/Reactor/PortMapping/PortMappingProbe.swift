import Basics
import Wire

/// Asks the router of the default IPv4 route which port mapping protocols it speaks. Makes no mapping.
public final class PortMappingProbe {
  /// What came of one protocol.
  public struct Answer: Hashable, Sendable {
    public var kind: PortMappingProtocol
    /// The router's external address, nil where the protocol does not tell it without a mapping (PCP), or why
    /// there is no answer.
    public var outcome: Result<IPAddress?, PortMappingFailure>
    /// How long that took.
    public var elapsed: Interval
  }

  /// What came of all of them.
  public struct Outcome: Hashable, Sendable {
    /// Nil when there is no router, and then no answer.
    public var route: DefaultRoute?
    /// One for each protocol, best first.
    public var answers: [Answer] = []

    /// The first external address that was told.
    public var external: IPAddress? {
      for answer in answers {
        if case .success(let address?) = answer.outcome { return address }
      }
      return nil
    }
  }

  private let clients: [any MappingClient]
  private let route: DefaultRoute?
  private var answers: [Answer] = []
  private var timer: LoopTimer?
  private var finished: ((Outcome) -> Void)?

  /// Begins. `finished` is called once, from the loop, after `limit` at the latest; dropping the probe before
  /// ends it. A UPnP search takes more than a second even when it succeeds.
  public init(
    _ loop: EventLoop, options: PortMapper.Options = PortMapper.Options(), limit: Interval = .seconds(5),
    finished: @escaping (Outcome) -> Void
  ) {
    self.finished = finished
    let began = loop.now
    route = options.route()
    clients = route.map { options.clients(loop, $0, internalPort: 0) } ?? []
    timer = loop.makeTimer { [weak self] in self?.finish(after: limit) }
    timer?.arm(after: clients.isEmpty ? .zero : limit)
    for client in clients {
      client.probe { [weak self, unowned loop, kind = client.kind] outcome in
        self?.note(Answer(kind: kind, outcome: outcome.map(\.external), elapsed: loop.now - began))
      }
    }
  }

  deinit { for client in clients { client.close() } }

  private func note(_ answer: Answer) {
    answers.append(answer)
    if answers.count == clients.count { finish(after: answer.elapsed) }
  }

  private func finish(after elapsed: Interval) {
    guard let finished else { return }
    self.finished = nil
    timer?.disarm()
    let all = clients.map { client in
      answers.first { $0.kind == client.kind }
        ?? Answer(kind: client.kind, outcome: .failure(.noAnswer), elapsed: elapsed)
    }
    for client in clients { client.close() }
    finished(Outcome(route: route, answers: all))
  }
}
