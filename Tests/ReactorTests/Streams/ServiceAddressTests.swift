import Testing

@testable import Reactor

@Suite struct ServiceAddressTests {
  @Test(arguments: [
    ("8080", ServiceAddress.tcp(host: "127.0.0.1", port: 8_080), "127.0.0.1:8080"),
    (":8080", .tcp(host: "127.0.0.1", port: 8_080), "127.0.0.1:8080"),
    ("0", .tcp(host: "127.0.0.1", port: 0), "127.0.0.1:0"),
    ("localhost:65535", .tcp(host: "localhost", port: 65_535), "localhost:65535"),
    (
      "db-1.example_net.test:5432", .tcp(host: "db-1.example_net.test", port: 5_432),
      "db-1.example_net.test:5432"
    ),
    ("192.0.2.1:80", .tcp(host: "192.0.2.1", port: 80), "192.0.2.1:80"),
    ("[::1]:80", .tcp(host: "::1", port: 80), "[::1]:80"),
    ("unix:/run/service.sock", .unix(path: "/run/service.sock"), "unix:/run/service.sock"),
    ("unix:/a:1", .unix(path: "/a:1"), "unix:/a:1"),
  ])
  func addressesAreParsedAndSpelled(_ text: String, _ address: ServiceAddress, _ spelled: String) {
    #expect(ServiceAddress(text) == address)
    #expect(address.description == spelled)
    #expect(ServiceAddress(spelled) == address)
  }

  @Test(arguments: [
    "", ":", "host", "host:", "host:65536", "host:080808", "host:+80", "host:-1", "host: 80", "65536", "-1",
    "+1",
    "::1:80", "::1", "[::1]", "[::1]:", "[]:1", "[127.0.0.1]:80", "[::1%lo]:80", "[host]:80", "-host:80",
    "ho st:80",
    "hö:80", "a/b:80", "http://host:80", "unix:", "unix:/a\u{0}b",
    "unix:/" + String(repeating: "a", count: 107),
    String(repeating: "a", count: 254) + ":80",
  ])
  func otherTextsAreRefused(_ text: String) {
    #expect(ServiceAddress(text) == nil)
  }

  @Test func theLongestPathFits() {
    let path = "/" + String(repeating: "a", count: 106)
    #expect(ServiceAddress("unix:\(path)") == .unix(path: path))
  }

  @Test func onlyNamesHaveToBeLookedUp() {
    let known = { (text: String) in ServiceAddress(text)?.literals.map(\.description) }
    #expect(known("8080") == ["127.0.0.1:8080"])
    #expect(known("[::1]:80") == ["[::1]:80"])
    #expect(known("localhost:80") == ["127.0.0.1:80", "[::1]:80"])
    #expect(known("host.example:80") == [])
    #expect(known("unix:/a") == [])
  }
}
