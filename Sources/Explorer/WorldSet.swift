/// The worlds found so far, each with a number in the order of discovery: an open-addressing hash table.
struct WorldSet<World: PackedWorld> {
  private(set) var worlds: [World] = []
  private var slots: [UInt32]
  private var mask: Int

  init() {
    slots = [UInt32](repeating: .max, count: 1 << 12)
    mask = slots.count - 1
  }

  var count: Int { worlds.count }

  /// The number of `world`, and whether it is new.
  mutating func insert(_ world: World) -> (number: Int, isNew: Bool) {
    if worlds.count * 2 >= slots.count { grow() }
    var slot = Self.hash(world) & mask
    while slots[slot] != .max {
      if worlds[Int(slots[slot])] == world { return (Int(slots[slot]), false) }
      slot = (slot + 1) & mask
    }
    slots[slot] = UInt32(worlds.count)
    worlds.append(world)
    return (worlds.count - 1, true)
  }

  private mutating func grow() {
    slots = [UInt32](repeating: .max, count: slots.count * 2)
    mask = slots.count - 1
    for (number, world) in worlds.enumerated() {
      var slot = Self.hash(world) & mask
      while slots[slot] != .max { slot = (slot + 1) & mask }
      slots[slot] = UInt32(number)
    }
  }

  /// Mixes the digest (the finaliser of splitmix64); the same in every process, unlike `Hasher`.
  private static func hash(_ world: World) -> Int {
    var word = world.digest
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return Int(truncatingIfNeeded: (word ^ word >> 31) >> 1)
  }
}
