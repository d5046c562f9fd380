import Basics

/// Go's rules of decoding into typed fields: `null` changes nothing (and clears lists and optional objects), a
/// repeated object member is read over what is there, other kinds are refused.
extension JSONValue {
  func store(into target: inout Bool) throws(JSONError) {
    switch self {
    case .null: break
    case .bool(let value): target = value
    default: throw .wrongShape
    }
  }

  func store(into target: inout some FixedWidthInteger) throws(JSONError) {
    switch self {
    case .null: break
    case .number(let number):
      guard let value = number.integer(as: type(of: target)) else { throw .wrongShape }
      target = value
    default: throw .wrongShape
    }
  }

  func store(into target: inout Int64?) throws(JSONError) {
    guard self != .null else {
      target = nil
      return
    }
    var value: Int64 = 0
    try store(into: &value)
    target = value
  }

  func store(into target: inout String) throws(JSONError) {
    switch self {
    case .null: break
    case .string(let text): target = text
    default: throw .wrongShape
    }
  }

  func store(into target: inout [String]) throws(JSONError) {
    switch self {
    case .null: target = []
    case .array(let elements):
      var list: [String] = []
      list.reserveCapacity(elements.count)
      for element in elements {
        var text = ""
        try element.store(into: &text)
        list.append(text)
      }
      target = list
    default: throw .wrongShape
    }
  }

  /// A byte slice: base64 text with padding, or an array of numbers.
  func store(into target: inout [UInt8]) throws(JSONError) {
    switch self {
    case .null: target = []
    case .string(let text):
      do {
        target = try Base64.decode(text, .standard)
      } catch {
        throw .wrongShape
      }
    case .array(let elements): target = try Self.numbers(elements)
    default: throw .wrongShape
    }
  }

  func store(into target: inout Bytes32) throws(JSONError) {
    guard let bytes = try fixedBytes(Bytes32.count) else { return }
    target = Bytes32(bytes) ?? target
  }

  func store(into target: inout Bytes16) throws(JSONError) {
    guard let bytes = try fixedBytes(Bytes16.count) else { return }
    target = Bytes16(bytes) ?? target
  }

  func store(into target: inout some JSONObject) throws(JSONError) {
    switch self {
    case .null: break
    case .object(let members):
      for member in members { try target.read(member.foldedName, member.value) }
    default: throw .wrongShape
    }
  }

  func store<Object: JSONObject>(into target: inout Object?) throws(JSONError) {
    guard self != .null else {
      target = nil
      return
    }
    var object = target ?? .blank
    try store(into: &object)
    target = object
  }

  /// A fixed array: short ones are filled with zeros, of long ones the rest is ignored. Nil for `null`.
  private func fixedBytes(_ count: Int) throws(JSONError) -> [UInt8]? {
    switch self {
    case .null: return nil
    case .array(let elements):
      let bytes = try Self.numbers(elements.prefix(count))
      return bytes + Array(repeating: 0, count: count - bytes.count)
    default: throw .wrongShape
    }
  }

  private static func numbers(_ elements: some Collection<JSONValue>) throws(JSONError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(elements.count)
    for element in elements {
      var byte: UInt8 = 0
      try element.store(into: &byte)
      bytes.append(byte)
    }
    return bytes
  }
}
