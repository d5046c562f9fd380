import Basics
import Crypto
import Engine
import Foundation
import Reactor
import Wire

/// A claimant that has a token and says whatever a test likes in a key's place.
enum Stranger {
  /// Claims, says `message` over a stream and returns the whole answer.
  static func say(_ message: [UInt8], to invited: Invited) throws -> [UInt8] {
    guard let answer = try claim(invited, saying: message, leaves: true) else {
      throw TestFailure("no answer: \(invited.child.errors)")
    }
    return answer
  }

  /// Claims, says `message` or nothing, and then stays until the other side has had enough.
  static func stay(at invited: Invited, saying message: [UInt8]?) throws {
    _ = try claim(invited, saying: message, leaves: false)
  }

  private static func claim(
    _ invited: Invited, saying message: [UInt8]?, leaves: Bool
  ) throws -> [UInt8]? {
    let loop = try EventLoop()
    let token = try SessionToken.decode(invited.token, nowUnixSeconds: Int64(time(nil)))
    var random = SecureRandom()
    var configuration = SessionConfiguration(
      role: .claimant, token: token, derpKey: X25519PrivateKey(random: &random), flow: .sends,
      relayHost: "127.0.0.1:\(invited.relay.port)")
    configuration.streams = StreamsConfiguration(identity: Ed25519Identity(random: &random))
    configuration.isRelayOnly = true
    let session = Session(configuration, random: random, at: loop.now)
    let exchange = StreamExchange(loop, session, question: message, limit: SSHKeyAnswer.longest)
    let host = SessionHost(
      loop, session, relay: SessionHost.Relay(url: "\(invited.relay.url)/derp"), source: nil, output: nil,
      observer: { _ in }, completion: { _ in loop.stop() })
    host.streams = exchange
    var answer: [UInt8]?
    exchange.received = { bytes in
      answer = bytes
      if leaves { host.closeStreams() }
    }
    let limit = loop.makeTimer { loop.stop() }
    limit.arm(after: .seconds(90))
    loop.defer { host.start() }
    loop.run()
    return answer
  }
}
