import Basics
import Wire

enum TunnelProperties {
  /// The input is a list: what it names is named by a list of just that.
  static func revocationList(_ input: UnsafeRawBufferPointer) -> String? {
    guard let list = try? RevocationList.parse(input) else { return nil }
    let text = Array(list.ids.map { $0.hex + "\n" }.joined().utf8)
    let stranger = Bytes16(high: 1, low: 1)
    for id in list.ids {
      guard list.contains(clientID: id, tokenID: stranger), list.contains(clientID: stranger, tokenID: id)
      else {
        return "\(id) is named and not found"
      }
    }
    return mismatch("list", list, text.withUnsafeBytes { try? RevocationList.parse($0) })
  }

  /// The input is a registry's file.
  static func serviceRegistry(_ input: UnsafeRawBufferPointer) -> String? {
    guard let registry = try? ServiceRegistry.parse(input) else { return nil }
    let text = registry.serialized()
    // Layout and escapes make text longer than it came.
    guard text.count <= ServiceRegistry.maximumLength else { return nil }
    return mismatch("registry", registry, text.withUnsafeBytes { try? ServiceRegistry.parse($0) })
  }
}
