/// One JSON value. Members keep their order and their duplicates; integers keep all 64 bits.
public enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSONValue])
  case object([JSONMember])
}

/// A name and a value of a JSON object.
public struct JSONMember: Hashable, Sendable {
  /// The name, unescaped.
  public var name: String
  /// The value.
  public var value: JSONValue

  public init(name: String, value: JSONValue) {
    self.name = name
    self.value = value
  }
}

/// A JSON number. Only integers of 64 bits keep their value: nothing here uses any other.
public struct JSONNumber: Hashable, Sendable {
  /// Whether a minus sign was written.
  public var isNegative: Bool
  /// The digits' value; nil when there is a fraction, an exponent, or more than 64 bits hold.
  public var magnitude: UInt64?

  public init(isNegative: Bool, magnitude: UInt64?) {
    self.isNegative = isNegative
    self.magnitude = magnitude
  }

  /// The number as an integer of the asked type; nil when it is none or out of range.
  public func integer<Value: FixedWidthInteger>(as type: Value.Type = Value.self) -> Value? {
    guard let magnitude else { return nil }
    guard isNegative else { return Value(exactly: magnitude) }
    guard magnitude <= UInt64(1) << 63 else { return nil }
    return Value(exactly: Int64(truncatingIfNeeded: 0 &- magnitude))
  }
}

/// Bounds on what one parse may read and keep.
public struct JSONLimits: Sendable {
  /// The longest text, in bytes.
  public var maximumBytes: Int
  /// The deepest nesting of arrays and objects.
  public var maximumDepth: Int
  /// The most values, of all kinds and depths together.
  public var maximumValues: Int

  public init(maximumBytes: Int, maximumDepth: Int = 16, maximumValues: Int) {
    self.maximumBytes = maximumBytes
    self.maximumDepth = maximumDepth
    self.maximumValues = maximumValues
  }
}

/// Why a text is no JSON that we take.
public enum JSONError: Error, Hashable, Sendable {
  /// Longer than the limit, or more values than the limit.
  case tooLarge
  /// Nested deeper than the limit.
  case tooDeep
  /// Not JSON; the offset of the first byte that does not fit.
  case malformed(offset: Int)
  /// JSON whose value for some member is of another kind or out of range.
  case wrongShape
}

extension JSONError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tooLarge: "JSON text too large"
    case .tooDeep: "JSON nested too deeply"
    case .malformed(let offset): "malformed JSON at byte \(offset)"
    case .wrongShape: "JSON value of the wrong kind"
    }
  }
}
