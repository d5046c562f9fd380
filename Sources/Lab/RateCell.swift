import Basics

/// One link and what goes over it: `100mbit-1%-20ms-two` and the like.
struct RateCell {
  /// Who else is on the link.
  enum Company {
    case none
    /// Another session of ours.
    case two
    /// A TCP flow with CUBIC.
    case cubic
  }

  let name: String
  var bitsPerSecond: Int?
  var lossPer10000 = 0
  var losesBothWays = false
  var roundTrip = Interval.zero
  var company = Company.none

  /// What the pieces of a name mean, for `--help`.
  static let grammar = """
    pieces joined by '-': 100mbit (kbit, gbit) the bottleneck, or open for none; 1% random loss; both: the way back \
    loses as much; 20ms the round trip; two: two sessions at once; cubic: beside a TCP flow
    """

  init(_ name: String) throws {
    self.name = name
    for piece in name.split(separator: "-") {
      switch piece {
      case "open": bitsPerSecond = nil
      case "both": losesBothWays = true
      case "two": company = .two
      case "cubic": company = .cubic
      default: try take(piece)
      }
    }
    guard company == .none || bitsPerSecond != nil else {
      throw LabError("\(name): a share is one of a bottleneck, such as 100mbit")
    }
  }

  private mutating func take(_ piece: Substring) throws {
    let number = Double(piece.prefix { $0.isNumber || $0 == "." }) ?? -1
    let unit = piece.drop { $0.isNumber || $0 == "." }
    guard number >= 0 else { throw LabError("\(name): what is \(piece)?") }
    switch unit {
    case "kbit": bitsPerSecond = Int(number * 1e3)
    case "mbit": bitsPerSecond = Int(number * 1e6)
    case "gbit": bitsPerSecond = Int(number * 1e9)
    case "ms": roundTrip = .microseconds(Int64(number * 1e3))
    case "%": lossPer10000 = Int(number * 100)
    default: throw LabError("\(name): what is \(piece)?")
    }
    guard bitsPerSecond ?? 8_000 >= 8_000, lossPer10000 <= 10_000, roundTrip <= .seconds(4) else {
      throw LabError("\(name): \(piece) is out of range")
    }
  }

  /// Share of the random loss.
  var loss: Double { Double(lossPer10000) / 10_000 }

  /// How much of the link payload should use; nil without a goal.
  var leastUse: Double? {
    guard bitsPerSecond != nil, company != .cubic else { return nil }
    return switch lossPer10000 {
    case 0: 0.9
    case ...100: 0.8
    case ...500: 0.6
    default: nil
    }
  }

  /// Between which shares of what gets through ours should be.
  var share: ClosedRange<Double>? {
    switch company {
    case .none: nil
    case .two: 0.4...0.6
    case .cubic: 0.3...0.7
    }
  }

  /// How much may be repeated beyond the random loss.
  static let mostBeyondLoss = 0.02

  /// What `lab rates` runs.
  static let all = [
    "1mbit", "1mbit-100ms", "10mbit", "10mbit-1%", "10mbit-5%", "100mbit", "100mbit-1%", "100mbit-5%",
    "1000mbit",
    "1000mbit-1%", "1000mbit-5%", "open-1%", "open-5%", "100mbit-20ms", "100mbit-100ms", "100mbit-300ms",
    "1000mbit-20ms", "100mbit-1%-20ms", "100mbit-1%-100ms", "100mbit-5%-100ms", "100mbit-1%-300ms",
    "100mbit-1%-both-20ms", "10mbit-20ms-two", "100mbit-20ms-two", "1000mbit-two", "100mbit-1%-20ms-two",
    "10mbit-20ms-cubic", "100mbit-20ms-cubic", "100mbit-100ms-cubic", "1000mbit-cubic",
  ]
  /// What `lab rates --quick` runs.
  static let quick = ["20mbit", "50mbit-1%-20ms", "50mbit-20ms-cubic"]
}
