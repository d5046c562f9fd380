import Basics

/// An IPv4 or IPv6 address without zone. An IPv4-mapped IPv6 address stays apart from the IPv4 address that it
/// means until `unmapped` is asked for.
public struct IPAddress: Hashable, Sendable {
  /// The sixteen bytes of the IPv6 form; for IPv4 those of the mapped form.
  public let bytes: Bytes16
  /// Whether this is an IPv4 address.
  public let isIPv4: Bool

  /// An IPv4 address from its 32 bits.
  public init(ipv4 bits: UInt32) {
    bytes = Bytes16(high: 0, low: 0xFFFF_0000_0000 | UInt64(bits))
    isIPv4 = true
  }

  /// An IPv6 address from its sixteen bytes; a mapped address stays mapped.
  public init(ipv6 bytes: Bytes16) {
    self.bytes = bytes
    isIPv4 = false
  }

  /// The low 32 bits: the address itself for IPv4.
  public var ipv4Bits: UInt32 { UInt32(truncatingIfNeeded: bytes.low) }

  /// Whether this is an IPv6 address of the form `::ffff:a.b.c.d`.
  public var isMapped: Bool { !isIPv4 && bytes.high == 0 && bytes.low >> 32 == 0xFFFF }

  /// The address with the IPv4-mapped form turned into IPv4.
  public var unmapped: IPAddress { isMapped ? IPAddress(ipv4: ipv4Bits) : self }
}

extension IPAddress {
  /// Whether the IPv4 address (mapped or not) lies in the given prefix.
  private func isIPv4(in prefix: UInt32, _ length: UInt32) -> Bool {
    (isIPv4 || isMapped) && (ipv4Bits ^ prefix) >> (32 - length) == 0
  }

  /// 127.0.0.0/8 and ::1.
  public var isLoopback: Bool { isIPv4(in: 0x7F00_0000, 8) || bytes == Bytes16(high: 0, low: 1) }

  /// 0.0.0.0 and ::.
  public var isUnspecified: Bool { isIPv4 ? ipv4Bits == 0 : bytes == .zero || isMapped && ipv4Bits == 0 }

  /// 224.0.0.0/4 and ff00::/8.
  public var isMulticast: Bool { isIPv4(in: 0xE000_0000, 4) || !isIPv4 && bytes.high >> 56 == 0xFF }

  /// 169.254.0.0/16 and fe80::/10.
  public var isLinkLocal: Bool { isIPv4(in: 0xA9FE_0000, 16) || !isIPv4 && bytes.high >> 54 == 0xFE80 >> 6 }

  /// The private ranges of RFC 1918 and the unique local ones of RFC 4193.
  public var isPrivate: Bool {
    isIPv4(in: 0x0A00_0000, 8) || isIPv4(in: 0xAC10_0000, 12) || isIPv4(in: 0xC0A8_0000, 16)
      || !isIPv4 && bytes.high >> 57 == 0xFC >> 1
  }

  /// Tailscale's ranges: 100.64.0.0/10 and fd7a:115c:a1e0::/48.
  public var isTailscale: Bool {
    isIPv4(in: 0x6440_0000, 10) || !isIPv4 && bytes.high >> 16 == 0xFD7A_115C_A1E0
  }

  /// 255.255.255.255.
  public var isBroadcast: Bool { (isIPv4 || isMapped) && ipv4Bits == .max }
}

extension IPAddress: CustomStringConvertible {
  /// The canonical text: dotted decimal, or RFC 5952 with the mapped form ending in dotted decimal.
  public var description: String {
    if isIPv4 { return dotted }
    if isMapped { return "::ffff:" + dotted }
    let groups = self.groups
    let zeros = longestZeroRun(groups)
    var text = ""
    var index = 0
    while index < groups.count {
      if index == zeros.lowerBound, !zeros.isEmpty {
        text += "::"
        index = zeros.upperBound
        continue
      }
      if index > 0, index != zeros.upperBound || zeros.isEmpty { text += ":" }
      text += String(groups[index], radix: 16)
      index += 1
    }
    return text
  }

  private var dotted: String {
    let bits = ipv4Bits
    return "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
  }

  private var groups: [UInt16] {
    [bytes.high, bytes.low].flatMap { half in
      (0..<4).map { UInt16(truncatingIfNeeded: half >> (48 - 16 * UInt64($0))) }
    }
  }

  /// The first longest run of at least two zero groups (RFC 5952, section 4.2); empty when there is none.
  private func longestZeroRun(_ groups: [UInt16]) -> Range<Int> {
    var longest = 0..<0
    var start = 0
    for index in 0...groups.count where index == groups.count || groups[index] != 0 {
      if index - start > max(longest.count, 1) { longest = start..<index }
      start = index + 1
    }
    return longest
  }
}
