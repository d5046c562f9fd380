import Basics
import CMiniUPnP
import Glibc
import Synchronization
import Wire

/// Tells work on another thread that nobody wants its result any more.
final class CancelFlag: Sendable {
  private let flag = Atomic(false)
  var isSet: Bool { flag.load(ordering: .acquiring) }
  func set() { flag.store(true, ordering: .releasing) }
}

/// The service of a router that maps ports.
struct UPnPService: Hashable, Sendable {
  var controlURL: String
  /// Such as `urn:schemas-upnp-org:service:WANIPConnection:1`.
  var type: String
  /// The router's external address; nil when it tells none.
  var external: IPAddress?
}

/// UPnP Internet Gateway Device by libminiupnpc. Every function blocks, for seconds when the router does not
/// answer: only for a helper thread.
enum UPnPGateway {
  /// How long answers to a search are awaited, in milliseconds: the router may take up to the MX of the
  /// search, which is 1 s here.
  private static let searchWait: Int32 = 1_100
  /// The most descriptions that are fetched. Any host of the link can answer a search.
  private static let maximumDevices = 3
  private static let udp = "UDP"
  private static let description = "derphole"
  /// UPnP error codes (WANIPConnection:1, section 2.4.16; WANIPConnection:2, section 2.5.16).
  private static let conflict: Int32 = 718
  private static let onlyPermanent: Int32 = 725
  private static let invalidArguments: Int32 = 402

  /// Searches for the gateway's mapping service.
  static func find(
    gateway: IPAddress, local: IPAddress, cancelled: CancelFlag
  ) -> Result<UPnPService, PortMappingFailure> {
    let host = gateway.description
    for type in ["InternetGatewayDevice:1", "InternetGatewayDevice:2"] {
      for url in descriptions("urn:schemas-upnp-org:device:\(type)", from: local, on: host) {
        guard !cancelled.isSet else { return .failure(.noAnswer) }
        if let service = service(describedAt: url, on: host) { return .success(service) }
      }
      guard !cancelled.isSet else { return .failure(.noAnswer) }
    }
    return .failure(.noAnswer)
  }

  /// Makes a mapping, or prolongs the one of the same external port. Cancelled on the way, it is removed.
  static func map(
    _ service: UPnPService, _ target: MappingTarget, wantedPort: UInt16, cancelled: CancelFlag
  ) -> Result<MappingGrant, PortMappingFailure> {
    guard let external = externalAddress(service) else { return .failure(.unusableAddress) }
    guard !cancelled.isSet else { return .failure(.noAnswer) }
    var generator = SystemRandomNumberGenerator()
    var port = wantedPort
    var lifetime = target.lifetimeSeconds
    var code: Int32 = 0
    // Another port after a conflict, a permanent mapping where the router knows no other.
    for _ in 0..<4 {
      code = add(service, target, externalPort: port, lifetime: lifetime)
      switch code {
      case 0:
        guard !cancelled.isSet else {
          _ = remove(service, externalPort: port)
          return .failure(.noAnswer)
        }
        let granted = lifetime == 0 ? target.lifetime : .seconds(Int64(lifetime))
        return .success(
          MappingGrant(external: IPEndpoint(address: external, port: port), lifetime: granted))
      case conflict: port = UInt16.random(in: 1_024...65_534, using: &generator)
      case onlyPermanent, invalidArguments:
        guard lifetime != 0 else { return .failure(failure(code)) }
        lifetime = 0
      default: return .failure(failure(code))
      }
    }
    return .failure(failure(code))
  }

  /// Removes a mapping; whether the router said so.
  static func remove(_ service: UPnPService, externalPort: UInt16) -> Bool {
    UPNP_DeletePortMapping(service.controlURL, service.type, String(externalPort), udp, nil) == 0
  }

  private static func externalAddress(_ service: UPnPService) -> IPAddress? {
    // The library copies at most 15 characters.
    var text = [CChar](repeating: 0, count: 64)
    guard UPNP_GetExternalIPAddress(service.controlURL, service.type, &text) == 0 else { return nil }
    text[63] = 0
    return text.withUnsafeBufferPointer { $0.baseAddress.flatMap { IPAddress(String(cString: $0)) } }
  }

  private static func add(
    _ service: UPnPService, _ target: MappingTarget, externalPort: UInt16, lifetime: UInt32
  ) -> Int32 {
    UPNP_AddPortMapping(
      service.controlURL, service.type, String(externalPort), String(target.internalPort),
      target.local.description, description, udp, nil, String(lifetime))
  }

  /// The addresses of the descriptions that the gateway itself has.
  private static func descriptions(_ type: String, from local: IPAddress, on host: String) -> [String] {
    let first = strdup(type)
    defer { free(first) }
    let types = [UnsafePointer(first), nil]
    var error: Int32 = 0
    // minissdpd would answer from its own list, of other links too: its socket is not looked for.
    let list = types.withUnsafeBufferPointer {
      upnpDiscoverDevices(
        $0.baseAddress, searchWait, local.description, "/dev/null", UPNP_LOCAL_PORT_ANY, 0, 2, &error, 0)
    }
    defer { freeUPNPDevlist(list) }
    var urls: [String] = []
    var next = list
    while let device = next, urls.count < maximumDevices {
      let url = String(cString: device.pointee.descURL)
      if isURL(url, on: host), !urls.contains(url) { urls.append(url) }
      next = device.pointee.pNext
    }
    return urls
  }

  private static func service(describedAt url: String, on host: String) -> UPnPService? {
    var urls = UPNPUrls()
    var data = IGDdatas()
    var local = [CChar](repeating: 0, count: 64)
    guard UPNP_GetIGDFromUrl(url, &urls, &data, &local, Int32(local.count)) == 1 else { return nil }
    defer { FreeUPNPUrls(&urls) }
    guard let control = urls.controlURL else { return nil }
    let type = withUnsafeBytes(of: &data.first.servicetype) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    var service = UPnPService(controlURL: String(cString: control), type: type)
    guard isURL(service.controlURL, on: host),
      type.contains(":WANIPConnection:") || type.contains(":WANPPPConnection:")
    else { return nil }
    service.external = externalAddress(service)
    return service
  }

  /// Whether a URL leads to the given host: nobody shall send us elsewhere.
  static func isURL(_ url: String, on host: String) -> Bool {
    let prefix = "http://\(host)"
    guard url.utf8.starts(with: prefix.utf8) else { return false }
    return [UInt8(ascii: ":"), UInt8(ascii: "/")].contains(url.utf8.dropFirst(prefix.utf8.count).first)
  }

  private static func failure(_ code: Int32) -> PortMappingFailure {
    // Negative: the library's own, no answer that makes sense.
    guard code > 0 else { return .noAnswer }
    guard let text = strupnperror(code) else { return .refused("UPnP error \(code)") }
    return .refused("UPnP error \(code), \(String(cString: text))")
  }
}
