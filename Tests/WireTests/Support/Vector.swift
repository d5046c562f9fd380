import Basics
import Foundation
import Testing

/// A node of a vector file; a member that is not there is a node without value.
struct Vector {
  private let value: Any?

  private init(_ value: Any?) { self.value = value is NSNull ? nil : value }

  /// Reads `Vectors/<series>-<name>.json`.
  static func load(_ name: String, series: String = "01") throws -> Vector {
    let url = try #require(
      Bundle.module.url(forResource: "Vectors/\(series)-\(name)", withExtension: "json"),
      "no vector file \(name)")
    return Vector(try JSONSerialization.jsonObject(with: Data(contentsOf: url)))
  }

  subscript(_ name: String) -> Vector { Vector((value as? [String: Any])?[name]) }

  var isNull: Bool { value == nil }
  var list: [Vector] { (value as? [Any] ?? []).map { Vector($0) } }
  var names: [String] { (value as? [String: Any] ?? [:]).keys.sorted() }
  var text: String { value as? String ?? "" }
  var optionalText: String? { value as? String }
  var integer: Int { (value as? NSNumber)?.intValue ?? 0 }
  var bool: Bool { (value as? NSNumber)?.boolValue ?? false }
  /// The bytes that hex text spells.
  var bytes: [UInt8] { Hex.decode(text) ?? [] }
  /// The bytes of the text itself.
  var utf8: [UInt8] { Array(text.utf8) }
  var bytes32: Bytes32 { Bytes32(bytes) ?? .zero }
  var bytes16: Bytes16 { Bytes16(bytes) ?? .zero }
}
