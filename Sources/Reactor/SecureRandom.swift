/// Random numbers for keys and everything else: the kernel's, by `getrandom`, which is what Swift's system
/// generator is on Linux. A type of its own so that pure code can be seen to get it from here only.
public struct SecureRandom: RandomNumberGenerator, Sendable {
  private var system = SystemRandomNumberGenerator()

  public init() {}

  public mutating func next() -> UInt64 { system.next() }
}
