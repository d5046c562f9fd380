import Basics
import Wire

/// One attempt at a mapping: asks all protocols at once whether they are there, then the best of those that
/// are for the mapping, then the next one when that fails.
final class PortMappingSearch {
  /// How long worse protocols wait for better ones. The router is on the same link.
  private static let grace = Interval.milliseconds(300)

  private let clients: [any MappingClient]
  private var choice: MappingChoice
  private let report: (PortMappingReport) -> Void
  private var done: ((any MappingClient, MappingGrant)?) -> Void
  private var graceTimer: LoopTimer?
  private var isOver = false

  /// Begins. `done` gets the client that keeps the mapping, or nil; all other clients are closed then.
  init(
    _ loop: EventLoop, _ clients: [any MappingClient], report: @escaping (PortMappingReport) -> Void,
    done: @escaping ((any MappingClient, MappingGrant)?) -> Void
  ) {
    self.clients = clients
    self.report = report
    self.done = done
    choice = MappingChoice(clients.map(\.kind))
    graceTimer = loop.makeTimer { [weak self] in
      self?.choice.isGraceOver = true
      self?.advance()
    }
    graceTimer?.arm(after: Self.grace)
    for client in clients {
      client.probe { [weak self, kind = client.kind] outcome in self?.probed(kind, outcome) }
    }
  }

  /// Ends without a result. A mapping that was being asked for is removed again; `finished` is called when
  /// that is done, from the loop.
  func cancel(_ loop: EventLoop, finished: @escaping () -> Void) {
    let mapping = clients.first { $0.kind == choice.mapping }
    end(keeping: mapping)
    guard let mapping else { return loop.defer(finished) }
    mapping.release { _ in
      mapping.close()
      finished()
    }
  }

  /// Ends without a result and without a word to the router.
  func close() { end(keeping: nil) }

  private func probed(_ kind: PortMappingProtocol, _ outcome: Result<MappingPresence, PortMappingFailure>) {
    guard !isOver else { return }
    switch outcome {
    case .success(let presence):
      choice.note(kind, .present)
      report(.answered(kind, external: presence.external))
    case .failure(let failure):
      choice.note(kind, .failed)
      report(.failed(kind, failure))
    }
    advance()
  }

  private func advance() {
    guard !isOver else { return }
    switch choice.next {
    case .wait: break
    case .giveUp: finish(nil)
    case .map(let kind):
      guard let client = clients.first(where: { $0.kind == kind }) else { return }
      choice.note(kind, .mapping)
      client.map { [weak self] outcome in self?.mapped(client, outcome) }
    }
  }

  private func mapped(_ client: any MappingClient, _ outcome: Result<MappingGrant, PortMappingFailure>) {
    guard !isOver else { return }
    switch outcome {
    case .success(let grant) where grant.isUsable: return finish((client, grant))
    case .success:
      report(.failed(client.kind, .unusableAddress))
      // Of no use, but it is there.
      client.release { _ in client.close() }
    case .failure(let failure): report(.failed(client.kind, failure))
    }
    choice.note(client.kind, .failed)
    advance()
  }

  private func finish(_ result: (any MappingClient, MappingGrant)?) {
    end(keeping: result?.0)
    done(result)
  }

  private func end(keeping kept: (any MappingClient)?) {
    isOver = true
    graceTimer?.disarm()
    for client in clients where client !== kept { client.close() }
  }
}
