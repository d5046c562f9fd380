import Basics

/// Counts and rates per address. An entry lives while the address has connections or its buckets remember some.
struct AddressTable {
  private struct Entry {
    let address: Bytes16
    var connections = 0
    var newConnections: TokenBucket?
    var bytes: TokenBucket?
  }

  /// The most addresses that are remembered.
  private static let limit = 65_536

  private let configuration: RelayConfiguration
  private var entries: [Entry?] = []
  private var free: [Int] = []
  private var slots: [Bytes16: Int] = [:]
  private var sweepAt = 256

  /// How many addresses are remembered.
  var slotCount: Int { slots.count }

  init(_ configuration: RelayConfiguration) { self.configuration = configuration }

  /// One IPv4 address, or the /64 network that one customer has as a rule.
  static func group(_ address: Bytes16) -> Bytes16 {
    let isMapped = address.high == 0 && address.low >> 32 == 0xffff
    return isMapped ? address : Bytes16(high: address.high, low: 0)
  }

  /// Takes in a connection and returns the entry's number.
  mutating func connect(_ address: Bytes16, at now: Instant) throws(Refusal) -> Int {
    let group = Self.group(address)
    let slot = try slot(for: group, at: now)
    if entries[slot]!.newConnections?.take(at: now) == false { throw Refusal(reason: .connectionRate) }
    let count = entries[slot]!.connections
    guard count < configuration.maximumConnectionsPerAddress ?? .max else {
      throw Refusal(reason: .tooManyConnections)
    }
    entries[slot]!.connections = count + 1
    return slot
  }

  mutating func disconnect(_ slot: Int) { entries[slot]!.connections -= 1 }

  /// The address itself, of IPv6 the network.
  func address(_ slot: Int) -> Bytes16 { entries[slot]!.address }

  /// Counts bytes of the address; nil when it is within its rate, otherwise when it will be again.
  mutating func draw(_ count: Int, _ slot: Int, at now: Instant) -> Instant? {
    entries[slot]!.bytes?.draw(count, at: now)
  }

  /// Why an address may not connect.
  struct Refusal: Error { let reason: CloseReason }

  private mutating func slot(for group: Bytes16, at now: Instant) throws(Refusal) -> Int {
    if let slot = slots[group] { return slot }
    if slots.count >= sweepAt {
      sweep(at: now)
      sweepAt = max(256, slots.count * 2)
    }
    guard slots.count < Self.limit else { throw Refusal(reason: .tooManyConnections) }
    let entry = Entry(
      address: group, newConnections: configuration.connectionRate.map { TokenBucket($0, now: now) },
      bytes: configuration.addressRate.map { TokenBucket($0, now: now) })
    let slot = free.popLast() ?? entries.count
    if slot == entries.count { entries.append(entry) } else { entries[slot] = entry }
    slots[group] = slot
    return slot
  }

  private mutating func sweep(at now: Instant) {
    for slot in entries.indices {
      guard var entry = entries[slot], entry.connections == 0 else { continue }
      let isIdle =
        entry.newConnections?.isFull(at: now) ?? true && entry.bytes?.isFull(at: now) ?? true
      guard isIdle else { continue }
      slots[entry.address] = nil
      entries[slot] = nil
      free.append(slot)
    }
  }
}
