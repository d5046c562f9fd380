import Basics
import Wire

/// What the network and those in it do to datagrams.
extension World {
  /// A datagram that goes on, perhaps later.
  struct DatagramPassage {
    var datagram: Datagram
    var delay: Interval
  }

  /// The addresses that intruders send from; the last is that of somebody who has nothing to do with anything.
  private static let intruders = (0..<40).map { IPAddress(ipv4: 0xC000_0250 + UInt32($0)) }

  /// What becomes of a datagram that crosses the public network.
  ///
  /// - Parameters:
  ///   - datagram: with the addresses that it has at the receiver.
  ///   - original: with those that it left its sender with.
  func treat(
    _ datagram: Datagram, seen original: Datagram, from host: Int?, to target: Int
  ) -> [DatagramPassage] {
    let network = options.datagrams
    guard now < .zero + options.faultsEnd else {
      return [DatagramPassage(datagram: datagram, delay: .zero)]
    }
    var passages: [DatagramPassage] = []
    if happens(network.redirect) {
      passages.append(DatagramPassage(datagram: redirected(datagram), delay: .zero))
    } else if !happens(network.loss) {
      let damaged = happens(network.corrupt) ? damaged(datagram) : datagram
      passages.append(DatagramPassage(datagram: damaged, delay: overtaken()))
    }
    if happens(network.double) {
      passages.append(DatagramPassage(datagram: datagram, delay: overtaken()))
    }
    if happens(network.replay) {
      // Again under the same address, or under one of its own.
      let again = datagramRandom.chance(30) ? datagram : redirected(datagram)
      let copy = again.with(source: again.source, destination: again.destination, origin: .intruder)
      passages.append(DatagramPassage(datagram: copy, delay: datagramRandom.time(1...2_000_000)))
    }
    if happens(network.forge) {
      passages.append(DatagramPassage(datagram: forged(datagram), delay: overtaken()))
    }
    if let host, happens(network.reflect) { reflect(original, to: host) }
    return passages
  }

  private func happens(_ perMille: Int) -> Bool {
    perMille > 0 && Int.random(in: 0..<1_000, using: &datagramRandom) < perMille
  }

  private func overtaken() -> Interval {
    guard happens(options.datagrams.reorder) else { return .zero }
    // Sometimes so late that whoever waited for it has given up.
    return datagramRandom.chance(15)
      ? datagramRandom.time(100_000...5_000_000) : datagramRandom.time(10...30_000)
  }

  private func damaged(_ datagram: Datagram) -> Datagram {
    guard !datagram.bytes.isEmpty else { return datagram }
    var bytes = datagram.bytes
    let index = Int.random(in: 0..<bytes.count, using: &datagramRandom)
    bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &datagramRandom)
    return Datagram(
      origin: .intruder, source: datagram.source, destination: datagram.destination, bytes: bytes)
  }

  /// The same bytes from another address: the receiver is to be aimed at somebody, or the path is to be taken over.
  private func redirected(_ datagram: Datagram) -> Datagram {
    guard datagram.source.address.isIPv4 else { return datagram }
    let address = datagramRandom.pick(Self.intruders)
    let port =
      datagramRandom.chance(30) ? UInt16(53) : UInt16.random(in: 1_024...65_535, using: &datagramRandom)
    return datagram.with(
      source: IPEndpoint(address: address, port: port), destination: datagram.destination, origin: .intruder)
  }

  /// Something of the same shape that nobody sealed, from the same address.
  private func forged(_ datagram: Datagram) -> Datagram {
    var bytes = datagram.bytes
    let start = bytes.count > 17 ? 17 : 0
    let noise = datagramRandom.bytes(bytes.count - start)
    bytes.replaceSubrange(start..., with: noise)
    return Datagram(
      origin: .intruder, source: datagram.source, destination: datagram.destination, bytes: bytes)
  }

  /// Sends a datagram back to its sender as if it came from where it was sent: the filters let that in.
  private func reflect(_ original: Datagram, to host: Int) {
    let back = original.with(
      source: original.destination, destination: original.source, origin: .intruder)
    queue.add(.landing(back, party: host), at: now + parties[host].network.access.delay)
  }
}
