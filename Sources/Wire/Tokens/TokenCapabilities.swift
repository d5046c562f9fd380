/// What a token's issuer offers; which bits are set tells the commands apart.
public struct TokenCapabilities: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The issuer takes a stream (`listen`).
  public static let stdio = TokenCapabilities(rawValue: 0x01)
  /// The issuer shares a TCP service.
  public static let share = TokenCapabilities(rawValue: 0x02)
  /// The issuer invites to a shell session.
  public static let attach = TokenCapabilities(rawValue: 0x04)
  /// The issuer offers data (`send`).
  public static let stdioOffer = TokenCapabilities(rawValue: 0x08)
  /// A browser offers a file.
  public static let webFile = TokenCapabilities(rawValue: 0x10)
  /// A derptun credential.
  public static let derptunTCP = TokenCapabilities(rawValue: 0x20)
  /// The issuer speaks upstream's transfer protocol v2.
  public static let transferV2 = TokenCapabilities(rawValue: 0x80)
  /// The issuer speaks our native plane; upstream ignores the bit.
  public static let native = TokenCapabilities(rawValue: 0x100)
  /// The token's route is spoken to by plain http; ours too.
  public static let plainHTTP = TokenCapabilities(rawValue: 0x200)
  /// The issuer of a `stdio` token expects an offer (`send --to`), not a bare stream; ours too.
  public static let structured = TokenCapabilities(rawValue: 0x400)

  /// The bits that upstream does not know.
  public static let ours: TokenCapabilities = [.native, .plainHTTP, .structured]
}
