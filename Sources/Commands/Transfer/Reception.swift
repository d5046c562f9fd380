import Reactor
import Wire

/// What becomes of an offer: asked about, placed or declined, and what is left of it when the session fails.
final class Reception {
  private let loop: EventLoop
  private let incoming: IncomingTransfer
  private let runner: SessionRunner
  private let reporter: SessionReporter
  private let placement: Placement
  private let asks: Bool
  private var question: Question?
  private var destination: TransferDestination?

  /// - Parameter asks: whether a person is asked, where there is a terminal.
  init(
    _ loop: EventLoop, _ incoming: IncomingTransfer, _ runner: SessionRunner, _ reporter: SessionReporter,
    _ placement: Placement, asks: Bool
  ) {
    self.loop = loop
    self.incoming = incoming
    self.runner = runner
    self.reporter = reporter
    self.placement = placement
    self.asks = asks
  }

  /// Something is offered.
  func decide(_ offer: TransferOffer, _ description: OfferDescription) {
    // Text and streams are only shown; what would become a file is asked about.
    guard asks, offer.kind != .text, offer.kind != .stream else { return place(offer) }
    guard let terminal = Terminal() else { return place(offer) }
    question = Question(loop, at: terminal, "Receive \(description.text)?") { [unowned self] isWanted in
      question = nil
      if isWanted { place(offer) } else { runner.decline(reason: "") }
    }
  }

  private func place(_ offer: TransferOffer) {
    do {
      let chosen = try placement.destination(for: offer, loop)
      destination = chosen
      if let title = chosen.title, title != offer.name?.text { reporter.line("into \(printable(title))") }
      incoming.accept(chosen.content)
    } catch {
      runner.fail(reason: "\(error)")
    }
  }

  /// The session is over.
  func settle(isComplete: Bool) {
    question?.cancel()
    destination?.settle(isComplete: isComplete) { reporter.line($0) }
  }
}
