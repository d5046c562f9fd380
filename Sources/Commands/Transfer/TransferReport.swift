import Basics
import Engine
import Reactor
import Wire

/// What is known of a transfer while it goes on, for progress and summary.
final class TransferReport {
  private let reporter: SessionReporter
  private let session: Session
  private(set) var description = OfferDescription(kind: .stream)
  /// Bytes of the content that were there before; nil until the content begins.
  private var held: UInt64?
  /// What of the session's payload were messages about the content.
  private var overhead: UInt64 = 0

  init(_ reporter: SessionReporter, _ transfer: TransferSession, direction: TransferSummary.Direction) {
    self.reporter = reporter
    session = transfer.session
    reporter.direction = direction
    reporter.transfer = { [unowned self] in progress }
  }

  /// What is offered is known.
  func offered(_ offer: TransferOffer, _ verb: String) {
    description = OfferDescription(offer)
    reporter.offer(description, verb)
  }

  /// The content begins; so much of it was there before.
  func began(held: UInt64) {
    self.held = held
    overhead = session.statistics.payloadBytes
    if held > 0 { reporter.line("\(RateFormat.size(held)) are there already") }
  }

  private var progress: TransferProgress {
    var progress = TransferProgress(name: description.title, total: description.size)
    guard let held else {
      progress.phase = .comparing
      return progress
    }
    let payload = session.statistics.payloadBytes
    progress.resumed = held
    progress.bytes = held + payload - min(overhead, payload)
    if let size = description.size { progress.bytes = min(progress.bytes, size) }
    // Behind the last byte of content comes a trailer, so the end shows only when the session ends.
    if session.outcome != nil, case .success = session.outcome {
      progress.bytes = description.size ?? progress.bytes
    }
    return progress
  }
}

extension OfferDescription {
  init(_ offer: TransferOffer) {
    switch offer.kind {
    case .text: self.init(kind: .text, size: offer.size)
    case .stream: self.init(kind: .stream)
    case .file: self.init(kind: .file, name: offer.name?.text ?? "", size: offer.size)
    case .directory:
      self.init(
        kind: .directory, name: offer.name?.text ?? "", size: offer.size, count: Int(offer.entryCount))
    case .several: self.init(kind: .files, size: offer.size, count: Int(offer.entryCount))
    }
  }
}
