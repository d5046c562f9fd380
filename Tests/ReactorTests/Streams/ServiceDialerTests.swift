import Basics
import Glibc
import Testing

@testable import Reactor

@Suite struct ServiceDialerTests {
  /// A listener of the test's own, whose queue it never empties.
  private func listener(_ literal: String, port: UInt16, backlog: Int32) throws -> (Int32, SocketAddress) {
    let (descriptor, address) = try Socket.bound(
      try #require(SocketAddress(literal: literal, port: port)), SOCK_STREAM)
    #expect(listen(descriptor, backlog) == 0)
    return (descriptor, address)
  }

  private func dial(
    _ test: TestLoop, _ service: ServiceAddress, limit: Interval = ServiceDialer.limit
  ) -> (descriptor: Int32?, reason: String) {
    var result: (Int32?, String) = (nil, "never called")
    let dialer = ServiceDialer(test.loop, service, limit: limit) {
      result = ($0, $1)
      test.loop.stop()
    }
    return withExtendedLifetime(dialer) { test.run() ? result : (nil, "timed out") }
  }

  @Test func theNextAddressIsTriedWhenOneRefuses() throws {
    // Only the second address of localhost has a listener at this port.
    let (descriptor, address) = try listener("::1", port: 0, backlog: 1)
    defer { close(descriptor) }
    let result = dial(try TestLoop(), .tcp(host: "localhost", port: address.port))
    let connection = try #require(result.descriptor, "\(result.reason)")
    defer { close(connection) }
    #expect(Socket.peerAddress(of: connection)?.isIPv4 == false)
  }

  /// A listener whose full queue makes the kernel drop what comes.
  private func silentListener(_ literal: String, port: UInt16) throws -> ([Int32], SocketAddress) {
    let (listener, address) = try listener(literal, port: port, backlog: 0)
    let queued = try (0..<4).map { _ in
      let descriptor = try Socket.make(address, SOCK_STREAM)
      _ = address.withSystemAddress { connect(descriptor, $0, $1) }
      return descriptor
    }
    return ([listener] + queued, address)
  }

  @Test func anAddressThatDoesNotAnswerHidesNoOther() throws {
    let (silent, address) = try silentListener("127.0.0.1", port: 0)
    defer { for descriptor in silent { close(descriptor) } }
    let (open, _) = try listener("::1", port: address.port, backlog: 1)
    defer { close(open) }
    let result = dial(
      try TestLoop(), .tcp(host: "localhost", port: address.port), limit: .milliseconds(400))
    let connection = try #require(result.descriptor, "\(result.reason)")
    defer { close(connection) }
    #expect(Socket.peerAddress(of: connection)?.isIPv4 == false)
  }

  @Test func addressesThatDoNotAnswerEndTheAttempt() throws {
    let (first, address) = try silentListener("127.0.0.1", port: 0)
    let (second, _) = try silentListener("::1", port: address.port)
    defer { for descriptor in first + second { close(descriptor) } }
    let result = dial(
      try TestLoop(), .tcp(host: "localhost", port: address.port), limit: .milliseconds(200))
    #expect(result.descriptor == nil)
    #expect(result.reason == "no answer in time")
  }

  @Test func theReasonOfTheLastAddressIsTold() throws {
    let (descriptor, address) = try Socket.bound(SocketAddress(parsing: "127.0.0.1:0"), SOCK_STREAM)
    defer { close(descriptor) }
    let result = dial(try TestLoop(), .tcp(host: "127.0.0.1", port: address.port))
    #expect(result.descriptor == nil)
    #expect(result.reason.contains("Connection refused"))
  }
}
