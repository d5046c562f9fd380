import Basics

/// Which connection gets the packets for a key.
struct PeerDirectory {
  private var peers: [Bytes32: Peer] = [:]
  /// Changes whenever a route may have changed.
  private(set) var version: UInt64 = 1

  /// The connection that packets for `key` go to.
  func active(_ key: Bytes32) -> Connection? {
    peers[key]?.members.last { $0.isActive && $0.isOpen }
  }

  /// The most connections that one key may have.
  private static let duplicateLimit = 8

  /// Adds a connection that proved its key, and lets it have the packets. Returns the oldest connection of the
  /// key when there are too many now.
  mutating func join(_ connection: Connection, key: Bytes32) -> Connection? {
    let peer = peers[key] ?? Peer(key: key)
    peers[key] = peer
    peer.members.append(connection)
    connection.peer = peer
    activate(connection)
    let open = peer.members.filter(\.isOpen)
    return open.count > Self.duplicateLimit ? open.first : nil
  }

  /// Lets `connection` have the packets for its key, because it sent something.
  mutating func activate(_ connection: Connection) {
    for member in connection.peer?.members ?? [] { member.isActive = member === connection }
    version += 1
  }

  /// Takes a connection out. Returns the peer when that was its last connection.
  mutating func leave(_ connection: Connection) -> Peer? {
    guard let peer = connection.peer else { return nil }
    connection.peer = nil
    peer.members.removeAll { $0 === connection }
    version += 1
    guard let last = peer.members.last else {
      peers[peer.key] = nil
      return peer
    }
    if connection.isActive { activate(last) }
    connection.isActive = false
    return nil
  }

  /// Makes every connection look its route up again.
  mutating func forgetRoutes() { version += 1 }
}
