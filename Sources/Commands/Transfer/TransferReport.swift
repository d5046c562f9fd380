import Basics
import Engine
import Reactor
import Wire

/// What a person hears of a transfer besides its session: the offer, how far it is, how it ended.
struct TransferReport {
  var offer: TransferOffer?
  /// Bytes of the content that were there before; nil until the content begins.
  var held: UInt64?
  var beganAt: Instant?
  /// Payload of the session before the content: messages about it.
  var overhead: UInt64 = 0
  /// What the receiver calls the destination; nil for standard output.
  var destination: String?

  /// How many bytes of the content are there, when so much payload of the session has arrived.
  func done(_ payload: UInt64) -> UInt64 {
    let arrived = payload - min(overhead, payload)
    let all = (held ?? 0) + arrived
    return offer?.size.map { min(all, $0) } ?? all
  }
}

extension TransferOffer {
  /// `photo.jpg (1.2 GB)`, `the directory project (340 entries, 1.2 GB)`: names are a peer's, so escaped.
  var description: String {
    let size = size.map { RateFormat.size($0) }
    switch kind {
    case .text: return "text (\(size ?? ""))"
    case .stream: return "a stream"
    case .file: return "\(printable(name?.text ?? "")) (\(size ?? ""))"
    case .directory: return "the directory \(printable(name?.text ?? "")) (\(count), \(size ?? ""))"
    case .several: return "\(count), \(size ?? "")"
    }
  }

  private var count: String { entryCount == 1 ? "1 entry" : "\(entryCount) entries" }
}

extension SessionReporter {
  /// What this side is going to send.
  func offer(_ offer: TransferOffer) {
    transfer.offer = offer
    hint("sending \(offer.description)")
  }

  /// What the other side offers.
  func offered(_ offer: TransferOffer, _ entries: [TreeEntry]) {
    transfer.offer = offer
    guard isJSON else { return }
    var line = JSONLine(event: "offer").adding("kind", "\(offer.kind)")
    if let name = offer.name { line.add("name", name.text) }
    if let size = offer.size { line.add("bytes", size) }
    line.adding("entries", offer.entryCount).emit()
  }

  /// The destination is known.
  func receiving(into title: String?) {
    transfer.destination = title
    guard let title, let offer = transfer.offer else { return }
    hint("receiving \(offer.description)\(offer.name?.text == title ? "" : " into \(printable(title))")")
  }

  /// The content begins; so much of it was there before.
  func contentBegan(held: UInt64, at now: Instant) {
    transfer.held = held
    transfer.beganAt = now
    guard held > 0 else { return }
    hint("\(RateFormat.size(held)) are there already")
  }

  /// Everything arrived.
  func delivered(_ digest: Bytes32?) {
    guard let digest else { return }
    if isJSON {
      JSONLine(event: "digest").adding("sha256", Hex.encode(digest.array)).emit()
    } else {
      line("SHA-256 \(Hex.encode(digest.array))")
    }
  }
}
