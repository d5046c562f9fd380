import Basics
import Wire

enum TokenProperties {
  /// The input is a token's text, and the bytes of one without its checksum.
  static func sessionToken(_ input: UnsafeRawBufferPointer) -> String? {
    let text = String(decoding: input, as: UTF8.self)
    if let token = try? SessionToken.decode(text, nowUnixSeconds: .min) {
      let again = try? SessionToken.decode(token.encoded(), nowUnixSeconds: .min)
      if let violation = mismatch("token", token, again) { return violation }
    }
    let whole = Array(input) + withUnsafeBytes(of: checksum(input).bigEndian) { Array($0) }
    guard let token = whole.withUnsafeBytes({ try? SessionToken.parse($0) }) else { return nil }
    return mismatch("token bytes", whole, token.serialized())
  }

  /// CRC-32 of IEEE 802.3, bit by bit: the checksum would stop the fuzzer at the door.
  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var value = UInt32.max
    for byte in bytes {
      value ^= UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
    }
    return ~value
  }

  /// The input is a route's wire form, and a URL.
  static func route(_ input: UnsafeRawBufferPointer) -> String? {
    if let parsed = try? DERPRoute.parse(wire: input) {
      let wire = Array(input.prefix(parsed.length))
      if let violation = mismatch("wire", wire, parsed.route.serialized()) { return violation }
    }
    let text = String(decoding: input, as: UTF8.self)
    guard let parsed = try? DERPRoute.parse(url: text) else { return nil }
    let again = try? DERPRoute.parse(url: parsed.route.serverURL(plainHTTP: parsed.isPlainHTTP))
    return firstViolation(
      { mismatch("scheme", parsed.isPlainHTTP, again?.isPlainHTTP) },
      { mismatch("route", parsed.route, again?.route) },
      {
        let wire = parsed.route.serialized().withUnsafeBytes { try? DERPRoute.parse(wire: $0) }
        return mismatch("route by wire", parsed.route, wire?.route)
      },
      {
        let variable = try? DERPRoute.parse(environmentValue: text)
        return mismatch("variable", variable, parsed.isPlainHTTP ? nil : parsed.route)
      })
  }

  /// The input is a credential's text, a client credential's bytes and a server credential's JSON.
  static func derptun(_ input: UnsafeRawBufferPointer) -> String? {
    let text = String(decoding: input, as: UTF8.self)
    return firstViolation(
      { client(try? DerptunClientToken.decode(text, nowUnixSeconds: .min)) },
      { server(try? DerptunServerToken.decode(text, nowUnixSeconds: .min)) },
      { server(try? DerptunServerToken.parse(json: input)) },
      {
        guard let token = try? DerptunClientToken.parse(input) else { return nil }
        return mismatch("client bytes", Array(input), token.serialized()) ?? client(token)
      })
  }

  private static func client(_ token: DerptunClientToken?) -> String? {
    guard let token else { return nil }
    _ = (token.proofInput, token.sessionToken.encoded())
    // An expiry of the least number is void at every time.
    guard token.expiresUnixSeconds > .min else { return nil }
    let again = try? DerptunClientToken.decode(token.encoded(), nowUnixSeconds: .min)
    return mismatch("client", token, again)
  }

  private static func server(_ token: DerptunServerToken?) -> String? {
    guard let token, token.expiresUnixSeconds > .min else { return nil }
    let text = token.encoded()
    // Escapes make text longer than it came.
    guard text.utf8.count <= DerptunServerToken.maximumTextLength else { return nil }
    return mismatch("server", token, try? DerptunServerToken.decode(text, nowUnixSeconds: .min))
  }
}
