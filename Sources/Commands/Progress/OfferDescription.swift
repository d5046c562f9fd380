import Wire

/// What a transfer offers, in words. Strings in it are as the peer wrote them; what leaves here is safe to print.
struct OfferDescription {
  enum Kind: String {
    case text
    case file
    case directory
    case files
    case stream
  }

  var kind: Kind
  /// Empty for everything without a name of its own.
  var name = ""
  /// In bytes; nil while nobody knows it.
  var size: UInt64?
  /// How many files and directories; for directories and several files.
  var count: Int?

  /// `directory "photos" (120 entries, 3.0 GB)`, `file "a.txt" (5 B)`, `3 files and directories (1.2 MB)`, `text (12 B)`.
  var text: String {
    let bytes = size.map(RateFormat.size) ?? "size unknown"
    switch kind {
    case .text: return "text (\(bytes))"
    case .stream: return "a stream (\(bytes))"
    case .file: return "file \(printableQuoted(name)) (\(bytes))"
    case .directory:
      let entries = count.map { $0 == 1 ? "1 entry, " : "\($0) entries, " } ?? ""
      return "directory \(printableQuoted(name)) (\(entries)\(bytes))"
    case .files: return "\(count ?? 0) files and directories (\(bytes))"
    }
  }

  /// The name for progress and summaries.
  var title: String { name.isEmpty ? "" : printable(name, limit: 60) }

  /// The `offer` event: names as they are, escaped as JSON.
  var json: JSONLine {
    var line = JSONLine(event: "offer").adding("kind", kind.rawValue)
    if !name.isEmpty { line.add("name", name) }
    if let size { line.add("size", size) }
    if let count { line.add("count", count) }
    return line
  }
}
