import Basics

/// Members of Go structures: the plain forms always write, those with `omittingEmpty` follow Go's `omitempty`.
extension JSONWriter {
  mutating func member(_ name: StaticString, _ value: Bool) {
    self.name(name)
    self.value(value)
  }

  mutating func member(_ name: StaticString, _ value: some FixedWidthInteger) {
    self.name(name)
    self.value(value)
  }

  mutating func member(_ name: StaticString, _ value: String) {
    self.name(name)
    self.value(value)
  }

  mutating func member(_ name: StaticString, _ value: [String]) {
    self.name(name)
    self.value(value)
  }

  mutating func member(_ name: StaticString, _ value: Bytes32) {
    self.name(name)
    self.value(numbers: value.array)
  }

  mutating func member(_ name: StaticString, _ value: Bytes16) {
    self.name(name)
    self.value(numbers: value.array)
  }

  mutating func member(_ name: StaticString, _ value: some JSONObject) {
    self.name(name)
    object { value.writeMembers(to: &$0) }
  }

  mutating func member(_ name: StaticString, omittingEmpty value: Bool) {
    if value { member(name, value) }
  }

  mutating func member(_ name: StaticString, omittingEmpty value: some FixedWidthInteger) {
    if value != 0 { member(name, value) }
  }

  mutating func member(_ name: StaticString, omittingEmpty value: String) {
    if !value.isEmpty { member(name, value) }
  }

  mutating func member(_ name: StaticString, omittingEmpty value: [String]) {
    if !value.isEmpty { member(name, value) }
  }

  /// A byte slice: base64 text.
  mutating func member(_ name: StaticString, omittingEmpty value: [UInt8]) {
    if !value.isEmpty { member(name, Base64.encode(value, .standard)) }
  }

  mutating func member<Object: JSONObject>(_ name: StaticString, omittingEmpty value: Object?) {
    if let value { member(name, value) }
  }
}
