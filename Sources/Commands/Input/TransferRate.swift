/// A rate as `--limit` takes it.
struct TransferRate: Equatable {
  /// From 1 up to 2^60.
  var bytesPerSecond: UInt64

  static let help = "bytes a second: 500k, 2M, 1.5MiB; or bits: 10Mbit"

  /// Reads a number with a unit: `k`, `M`, `G`, `T` (decimal), `Ki` … `Ti` (binary), with or without `B`, or with `bit`
  /// for bits, with or without `/s`. Nothing else means bytes. The prefix may be in either case.
  init(_ text: String) throws(TransferRateError) {
    var unit = text.drop { $0.isASCII && ($0.isNumber || $0 == ".") }
    let number = text[..<unit.startIndex]
    guard let value = Double(number), value.isFinite else { throw .notANumber }
    if unit.hasSuffix("/s") { unit = unit.dropLast(2) }
    var isBits = false
    for (suffix, bits) in [("bits", true), ("bit", true), ("B", false)] where unit.hasSuffix(suffix) {
      unit = unit.dropLast(suffix.count)
      isBits = bits
      break
    }
    let base = unit.hasSuffix("i") ? 1_024.0 : 1_000.0
    if unit.hasSuffix("i") { unit = unit.dropLast() }
    let factor: Double
    switch unit {
    case "" where base == 1_000: factor = 1
    case "k", "K": factor = base
    case "m", "M": factor = base * base
    case "g", "G": factor = base * base * base
    case "t", "T": factor = base * base * base * base
    default: throw unit.hasSuffix("b") ? .bitsOrBytes : .unknownUnit
    }
    let bytes = (value * factor / (isBits ? 8 : 1)).rounded(.down)
    guard bytes >= 1 else { throw .tooLow }
    guard bytes <= 0x1p60 else { throw .tooHigh }
    bytesPerSecond = UInt64(bytes)
  }
}

/// Why a text is no rate. The description is one line for a person.
enum TransferRateError: Error, CustomStringConvertible {
  case notANumber
  case unknownUnit
  case bitsOrBytes
  case tooLow
  case tooHigh

  var description: String {
    switch self {
    case .notANumber: "a rate begins with a number, as in \(TransferRate.help)"
    case .unknownUnit: "the unit of a rate is one of \(TransferRate.help)"
    case .bitsOrBytes: "say B for bytes or bit for bits, as in 10MB or 10Mbit"
    case .tooLow: "a rate is at least one byte a second"
    case .tooHigh: "the rate is too high to be a limit"
    }
  }
}
