import Basics

/// Why an option could not be set.
public enum OptionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Not of the form `name=value`, or no such name.
  case unknown(String)
  /// The value does not suit the name.
  case unusable(String)

  public var description: String {
    switch self {
    case .unknown(let text): "no such option: \(text)"
    case .unusable(let text): "unusable value: \(text)"
    }
  }
}

extension Options {
  /// An option's name, its text, and how it is set.
  struct Field {
    let name: String
    let text: (Options) -> String
    let set: (inout Options, String) -> Bool

    static func number(
      _ name: String, _ path: WritableKeyPath<Options, Int>, _ range: ClosedRange<Int>
    ) -> Field {
      Field(name: name, text: { "\($0[keyPath: path])" }) { options, text in
        guard let value = Int(text), range.contains(value) else { return false }
        options[keyPath: path] = value
        return true
      }
    }

    static func flag(_ name: String, _ path: WritableKeyPath<Options, Bool>) -> Field {
      Field(name: name, text: { "\($0[keyPath: path])" }) { options, text in
        guard let value = Bool(text) else { return false }
        options[keyPath: path] = value
        return true
      }
    }

    /// A length of time in whole microseconds.
    static func time(_ name: String, _ path: WritableKeyPath<Options, Interval>) -> Field {
      Field(name: name, text: { "\($0[keyPath: path].inMicroseconds)us" }) { options, text in
        guard text.hasSuffix("us"), let value = Int64(text.dropLast(2)),
          (0...86_400_000_000).contains(value)
        else { return false }
        options[keyPath: path] = .microseconds(value)
        return true
      }
    }

    static var faults: Field {
      Field(name: "faults", text: { $0.faults.map(\.description).joined(separator: ",") }) { options, text in
        let parts = text.split(separator: ",")
        let faults = parts.compactMap { Fault($0) }
        options.faults = faults
        return faults.count == parts.count
      }
    }
  }

  private static var fields: [Field] {
    let perMille = 0...1_000
    return [
      .number("payload", \.payload, 0...(1 << 30)), .flag("claimant-sends", \.claimantSends),
      .number("streams", \.streams, 0...400),
      .number("stream-datagrams", \.streamDatagrams, 0...1_000),
      .flag("acceptor", \.hasAcceptor), .flag("claimant", \.hasClaimant), .flag("rival", \.hasRival),
      .time("claimant-start", \.claimantStart), .time("rival-start", \.rivalStart),
      .time("token-life", \.tokenLife), .number("frames-per-epoch", \.framesPerEpoch, 1...(1 << 23)),
      .number("largest-frame", \.largestFrame, 1...65_500), .time("patience", \.patience),
      .time("claimant-latency", \.claimantLatency), .time("acceptor-latency", \.acceptorLatency),
      .number("claimant-rate", \.claimantRate, 1_000...(1 << 40)),
      .number("acceptor-rate", \.acceptorRate, 1_000...(1 << 40)),
      .number("connection-buffer", \.connectionBuffer, 1...(1 << 30)),
      .number("largest-piece", \.largestPiece, 1...(1 << 30)),
      .number("source-step", \.sourceStep, 0...(1 << 30)), .time("source-pause", \.sourcePause),
      .number("output-step", \.outputStep, 0...(1 << 30)), .time("output-pause", \.outputPause),
      .time("close-delay", \.closeDelay), .number("relay-rate", \.relayRate, 0...(1 << 40)),
      .flag("fast-start", \.isFastStart), .flag("claimant-barred", \.isClaimantBarred),
      .number("loss", \.loss, perMille), .number("double", \.double, perMille),
      .number("delay", \.delay, perMille), .number("reorder", \.reorder, perMille),
      .number("corrupt", \.corrupt, perMille), .number("replay", \.replay, perMille),
      .time("longest-delay", \.longestDelay), .time("faults-end", \.faultsEnd), .faults,
    ] + Field.datagrams
  }

  /// Sets one option by its text, such as `loss=100` or `faults=relay-down@1000us,relay-up@9000us`.
  ///
  /// - Throws: `OptionError` for an unknown name or an unusable value.
  public mutating func set(_ assignment: String) throws(OptionError) {
    let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let field = Self.fields.first(where: { $0.name == parts[0] }) else {
      throw .unknown(assignment)
    }
    guard field.set(&self, String(parts[1])) else { throw .unusable(assignment) }
  }

  /// Every option as `set` reads it.
  public var assignments: [String] {
    Self.fields.map { "\($0.name)=\($0.text(self))" }
  }
}
