import Engine
import Glibc
import Testing

@testable import Reactor

/// Bytes of a length and content of their own.
private func content(_ count: Int, seed: Int = 0) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 31) ^ ($0 >> 8) ^ (seed &* 131)) }
}

/// One local connection and its stream.
@Suite struct StreamBridgeTests {
  @Test func bytesTravelBothWaysAndAreCounted() throws {
    let world = try StreamWorld.opener()
    let (peer, id, stream) = try #require(try world.joined())
    peer.write(content(50_000))
    #expect(world.run { stream.outgoing.count == 50_000 })
    #expect(world.carrier.peerTakes(from: id) == content(50_000))
    world.carrier.peerSends(content(70_000, seed: 1), on: id)
    #expect(world.run { peer.received.count == 70_000 })
    #expect(peer.received == content(70_000, seed: 1))
    #expect(world.host.counts.open == 1)
    #expect(world.host.counts.bytesSent == 50_000)
    #expect(world.host.counts.bytesReceived == 70_000)
  }

  @Test func aClientThatHasFinishedStillGetsItsAnswer() throws {
    let world = try StreamWorld.opener()
    let (peer, id, stream) = try #require(try world.joined())
    peer.write(content(10))
    peer.finishWriting()
    #expect(world.run { stream.isFinished })
    #expect(stream.outgoing == content(10))
    #expect(world.log == ["0 opened"])
    world.carrier.peerSends(content(3_000_000), isEnd: true, on: id)
    #expect(world.run { peer.end != nil })
    #expect(peer.end == .orderly)
    #expect(peer.received == content(3_000_000))
    #expect(world.log == ["0 opened", "0 closed"])
    let moved = try #require(world.moved[id])
    #expect(moved == (10, 3_000_000))
    #expect(stream.resetCode == nil && stream.stopCode == nil)
    #expect(world.host.counts.open == 0 && world.host.counts.total == 1)
  }

  @Test("UPS-10: where an end means both directions, this side ends, too, after a while")
  func lingering() throws {
    let world = try StreamWorld.opener()
    world.carrier.streamLinger = .milliseconds(20)
    let (peer, id, stream) = try #require(try world.joined())
    world.carrier.peerSends(content(10), isEnd: true, on: id)
    #expect(world.run { peer.end == .orderly })
    #expect(world.run { stream.isFinished })
    #expect(peer.received == content(10))
    #expect(stream.resetCode == nil && stream.stopCode == nil)
    #expect(world.run { world.log.last == "0 closed" })
  }

  @Test func aPeerThatHasFinishedStillGetsTheRest() throws {
    let world = try StreamWorld.opener()
    let (peer, id, stream) = try #require(try world.joined())
    world.carrier.peerSends(content(10), isEnd: true, on: id)
    #expect(world.run { peer.end == .orderly })
    #expect(peer.received == content(10))
    peer.write(content(100_000))
    peer.finishWriting()
    #expect(world.run { stream.isFinished })
    #expect(stream.outgoing == content(100_000))
    #expect(world.log == ["0 opened", "0 closed"])
    #expect(stream.resetCode == nil && stream.stopCode == nil)
  }

  @Test(arguments: [StreamErrorCode.gone, .reset, .refused, .limited])
  func aResetOfThePeerResetsTheClient(code: StreamErrorCode) throws {
    let world = try StreamWorld.opener()
    let (peer, id, stream) = try #require(try world.joined())
    world.carrier.happen(.reset(id, code))
    #expect(world.run { peer.end != nil })
    #expect(peer.end == .reset)
    #expect(world.log == ["0 opened", "0 reset"])
    #expect(stream.resetCode == code)
  }

  @Test func aResetOfTheClientResetsTheStream() throws {
    let world = try StreamWorld.opener()
    let (peer, _, stream) = try #require(try world.joined())
    peer.reset()
    #expect(world.run { world.log.count == 2 })
    #expect(world.log == ["0 opened", "0 reset"])
    #expect(stream.resetCode == .reset && stream.stopCode == .reset)
    #expect(!stream.isFinished)
  }

  @Test func aFullStreamHoldsTheClientBackWithoutBeingAsked() throws {
    let world = try StreamWorld.opener()
    let (peer, id, stream) = try #require(try world.joined())
    stream.limit = 100_000
    let sent = content(400_000)
    var written = peer.write(sent)
    #expect(world.run { stream.outgoing.count == 100_000 })
    let calls = world.carrier.calls
    world.settle()
    #expect(stream.outgoing.count == 100_000)
    // Nobody tries in vain while there is no room.
    #expect(world.carrier.calls == calls)
    var arrived: [UInt8] = []
    while arrived.count < sent.count {
      arrived += world.carrier.peerTakes(from: id)
      written += peer.write(sent[written...])
      let left = sent.count - arrived.count
      try #require(world.run { stream.outgoing.count >= min(left, 1) })
    }
    #expect(arrived == sent)
  }

  @Test func aClientThatDoesNotReadHoldsThePeerBack() throws {
    let world = try StreamWorld.opener()
    let (peer, id, stream) = try #require(try world.joined())
    peer.isReading = false
    let sent = content(24 << 20)
    world.carrier.peerSends(sent, isEnd: true, on: id)
    world.turn()
    world.settle()
    let waiting = stream.unread
    #expect(waiting > 0)
    let calls = world.carrier.calls
    world.settle()
    #expect(stream.unread == waiting)
    #expect(world.carrier.calls == calls)
    peer.isReading = true
    #expect(world.run { peer.end != nil })
    #expect(peer.end == .orderly)
    #expect(peer.received == sent)
  }

  @Test func oneThatHasMuchToMoveLetsTheOthersHaveTheirTurn() throws {
    let world = try StreamWorld.opener()
    let (flooded, busy, stream) = try #require(try world.joined())
    let (quiet, other, otherStream) = try #require(try world.joined())
    let total = 8 << 20
    world.carrier.peerSends(content(total), on: busy)
    world.carrier.peerSends([7], on: other)
    world.turnOnce()
    #expect(otherStream.unread == 0)
    #expect(stream.unread < total)
    #expect(total - stream.unread <= 256 << 10)
    #expect(world.run { flooded.received.count == total })
    #expect(quiet.received == [7])
  }

  /// A service may answer, close and care for nothing more: what it said before must still arrive.
  @Test func whatWasSaidBeforeAWriteErrorIsKept() throws {
    let world = try StreamWorld.opener()
    let (peer, id, stream) = try #require(try world.joined())
    peer.write(content(1_000))
    peer.close()
    #expect(world.run { stream.isFinished })
    // The first write to a closed socket is answered with a reset, the next one fails.
    for _ in 0..<10 where stream.stopCode == nil {
      world.carrier.peerSends([1], on: id)
      world.turn()
    }
    #expect(stream.stopCode == .reset)
    #expect(stream.outgoing == content(1_000))
    #expect(stream.resetCode == nil)
    #expect(world.log.last == "0 closed")
  }

  /// The same when the end is still behind what the peer has no room for.
  @Test func whatWaitsBehindAWriteErrorIsKept() throws {
    let world = try StreamWorld.opener()
    let (peer, id, stream) = try #require(try world.joined())
    stream.limit = 10_000
    let sent = content(50_000)
    #expect(peer.write(sent) == sent.count)
    peer.close()
    #expect(world.run { stream.outgoing.count == 10_000 })
    for _ in 0..<10 where stream.stopCode == nil {
      world.carrier.peerSends([1], on: id)
      world.turn()
    }
    #expect(stream.stopCode == .reset)
    var arrived: [UInt8] = []
    while arrived.count < sent.count {
      arrived += world.carrier.peerTakes(from: id)
      try #require(world.run { !stream.outgoing.isEmpty || stream.isFinished })
    }
    #expect(arrived == sent)
    #expect(world.run { stream.isFinished })
    #expect(stream.resetCode == nil)
    #expect(world.log.last == "0 closed")
  }

  @Test func aWriteErrorWithoutAnEndIsAReset() throws {
    let world = try StreamWorld.opener()
    let (peer, id, stream) = try #require(try world.joined())
    // No room: the reset is met by the write, not by a read.
    stream.limit = 0
    world.turn()
    peer.reset()
    world.carrier.peerSends([1], on: id)
    #expect(world.run { world.log.count == 2 })
    #expect(world.log.last == "0 reset")
    #expect(stream.resetCode == .reset && stream.stopCode == .reset)
  }

  @Test func aPeerThatReadsNoMoreMayStillAnswer() throws {
    let world = try StreamWorld.opener()
    let (peer, id, stream) = try #require(try world.joined())
    world.carrier.happen(.stopped(id))
    #expect(world.run { stream.resetCode != nil })
    #expect(stream.stopCode == nil)
    peer.write(content(10))
    world.carrier.peerSends(content(20), isEnd: true, on: id)
    #expect(world.run { world.log.count == 2 })
    #expect(world.log.last == "0 closed")
    #expect(stream.outgoing.isEmpty)
  }

  /// The session forgets a stream whose end was taken and whose rest the peer does not want.
  @Test func aForgottenStreamLeavesTheClientWhatItWasTold() throws {
    let world = try StreamWorld.opener()
    let (peer, id, _) = try #require(try world.joined())
    peer.isReading = false
    world.carrier.peerSends(content(1_000), isEnd: true, on: id)
    world.turn()
    world.carrier.happen(.closed(id))
    #expect(world.run { world.log.count == 2 })
    #expect(world.log.last == "0 closed")
    peer.isReading = true
    #expect(world.run { peer.end != nil })
    #expect(peer.end == .orderly)
    #expect(peer.received == content(1_000))
  }

  @Test func aStreamForgottenBeforeItsEndResetsTheClient() throws {
    let world = try StreamWorld.opener()
    let (peer, id, _) = try #require(try world.joined())
    world.carrier.happen(.closed(id))
    #expect(world.run { peer.end != nil })
    #expect(peer.end == .reset)
    #expect(world.log.last == "0 reset")
  }

  @Test func hundredsDoNotMix() throws {
    let world = try StreamWorld.opener()
    let count = 300
    var peers: [LocalPeer] = []
    for index in 0..<count {
      let peer = try world.connect()
      peer.write(content(2_000 + index, seed: index))
      peer.finishWriting()
      peers.append(peer)
    }
    let streams = { world.carrier.streams }
    #expect(world.run { streams().count == count && streams().values.allSatisfy(\.isFinished) })
    #expect(world.host.counts.open == count)
    for (id, _) in streams() {
      world.carrier.peerSends(world.carrier.peerTakes(from: id), isEnd: true, on: id)
    }
    #expect(world.run { peers.allSatisfy { $0.end != nil } })
    for (index, peer) in peers.enumerated() {
      #expect(peer.end == .orderly)
      #expect(peer.received == content(2_000 + index, seed: index))
    }
    #expect(world.host.counts.open == 0)
    #expect(world.host.counts.total == UInt64(count))
  }
}
