import Testing

@testable import Reactor

@Suite struct ProxyChoiceTests {
  private func choose(
    _ environment: [String: String], isTLS: Bool = true, host: String = "relay.example", port: UInt16 = 443
  ) throws(DialError) -> ProxyChoice {
    try ProxyChoice.choose(isTLS: isTLS, host: host, port: port) { environment[$0] }
  }

  @Test func theSchemePicksTheVariableAndUpperCaseComesFirst() throws {
    #expect(try choose([:]) == .direct)
    #expect(try choose(["HTTP_PROXY": "http://a"]) == .direct)
    #expect(
      try choose(["HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:1"])
        == .http(url: "http://a:1", isTLS: false))
    #expect(
      try choose(["HTTPS_PROXY": "", "https_proxy": "https://b:1"]) == .http(url: "https://b:1", isTLS: true))
    #expect(try choose(["http_proxy": "c:8080"], isTLS: false) == .http(url: "http://c:8080", isTLS: false))
  }

  @Test(arguments: [
    ("proxy", "http://proxy:80"), ("http://proxy", "http://proxy:80"), ("https://proxy", "https://proxy:443"),
    ("http://u:p@proxy", "http://u:p@proxy:80"), ("http://u:p@proxy:8", "http://u:p@proxy:8"),
    ("http://[::1]", "http://[::1]:80"), ("http://[::1]:9", "http://[::1]:9"),
    ("HTTP://proxy:3", "HTTP://proxy:3"),
  ])
  func defaultsOfAProxyAddressAreTheSchemes(_ value: String, _ url: String) throws {
    #expect(try choose(["HTTPS_PROXY": value]) == .http(url: url, isTLS: value.hasPrefix("https")))
  }

  @Test func otherSchemesAndCGIAreErrors() {
    #expect(throws: DialError.proxy("unsupported DERP proxy scheme \"socks5\"")) {
      try choose(["HTTPS_PROXY": "socks5://proxy:1"])
    }
    #expect(throws: DialError.self) {
      try choose(["HTTP_PROXY": "http://a", "REQUEST_METHOD": "GET"], isTLS: false)
    }
    #expect(throws: Never.self) { try choose(["HTTPS_PROXY": "http://a", "REQUEST_METHOD": "GET"]) }
  }

  @Test(arguments: ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"])
  func loopbackIsNeverProxied(_ host: String) throws {
    #expect(try choose(["HTTPS_PROXY": "http://a"], host: host) == .direct)
  }

  @Test func socksAppliesToTheDirectDial() throws {
    #expect(try choose(["ALL_PROXY": "socks5://u:p@s:1"]) == .socks(url: "socks5h://u:p@s:1"))
    #expect(try choose(["all_proxy": "socks5h://s:1"]) == .socks(url: "socks5h://s:1"))
    #expect(try choose(["ALL_PROXY": "http://s:1"]) == .direct)
    #expect(try choose(["ALL_PROXY": "socks5://s:1", "NO_PROXY": "example"]) == .direct)
    #expect(
      try choose(["ALL_PROXY": "socks5://s:1", "HTTPS_PROXY": "a:1"])
        == .http(url: "http://a:1", isTLS: false))
  }

  @Test(arguments: [
    ("*", "a.b", true), ("b", "a.b", true), ("a.b", "a.b", true), (".b", "a.b", true), (".b", "b", false),
    ("*.b", "b", false), ("*.b", "x.b", true), ("b", "ab", false), ("B", "a.b.", true),
    ("x, b ,y", "a.b", true),
    ("b:443", "a.b", true), ("b:444", "a.b", false), ("", "a.b", false), ("10.0.0.1", "10.0.0.1", true),
    ("10.0.0.1:443", "10.0.0.1", true), ("10.0.0.1:80", "10.0.0.1", false),
    ("10.0.0.0/8", "10.200.0.1", true),
    ("10.0.0.0/8", "11.0.0.1", false), ("10.0.0.0/33", "10.0.0.1", false), ("0.0.0.0/0", "9.9.9.9", true),
    ("fd00::/8", "fd12::1", true), ("fd00::/8", "fe12::1", false), ("2001:db8::1", "2001:db8::1", true),
    ("[2001:db8::1]:443", "2001:db8::1", true), ("::/0", "10.0.0.1", false),
    ("2001:db8::ff00/120", "2001:db8::ff7f", true),
  ])
  func exceptionsAreReadAsGoReadsThem(_ list: String, _ host: String, _ direct: Bool) throws {
    let choice = try choose(["HTTPS_PROXY": "http://a:1", "NO_PROXY": list], host: host)
    #expect((choice == .direct) == direct)
  }
}
