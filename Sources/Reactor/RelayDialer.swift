import Basics
import CCurl
import CGnuTLS
import Glibc

/// A connection to a relay, ready for its HTTP upgrade.
public struct RelayConnection {
  /// The bytes, decrypted.
  public var stream: any ByteStream
  /// Whether the relay is spoken to through TLS 1.3.
  public var isTLS13: Bool
  /// What the relay's certificate chain says about its key; nil unless TLS 1.3 was agreed.
  public var metaKey: RelayMetaKey?
  /// The relay's own address; nil behind a proxy, whose address it would be.
  public var peer: SocketAddress?
}

/// A relay's public key as its certificate chain shows it, for a start without waiting.
public struct RelayMetaKey: Hashable, Sendable {
  /// The relay's public key.
  public var key: Bytes32
  /// The protocol version (the certificate's serial number).
  public var version: UInt8

  public init(key: Bytes32, version: UInt8) {
    self.key = key
    self.version = version
  }
}

/// One attempt to connect to a relay: names, proxies, TCP and TLS through libcurl. Dropping it cancels.
public final class RelayDialer {
  private let loop: EventLoop
  private var transfer: CurlTransfer?
  private var connectTimer: LoopTimer?
  private var tlsSession: OpaquePointer?
  private var isThroughTLSProxy = false
  private var isThroughProxy = false
  private var isTLS = false
  private var completion: ((Result<RelayConnection, DialError>) -> Void)?

  /// Dials `http(s)://host[:port]/path`. `addresses` replaces looking the host up (unless a proxy does that).
  /// Within `connectTimeout` the TCP connection must stand (to the proxy, when there is one), within `timeout`
  /// everything. The answer comes from the loop, never from within this call.
  public init(
    _ loop: EventLoop, url: String, addresses: [SocketAddress] = [],
    connectTimeout: Interval = .seconds(5), timeout: Interval = .seconds(10),
    completion: @escaping (Result<RelayConnection, DialError>) -> Void
  ) {
    self.loop = loop
    self.completion = completion
    do throws(DialError) {
      guard let transfer = CurlTransfer(loop) else { throw .other("out of memory") }
      guard let parts = HTTPURL(url) else { throw .badURL(url) }
      let proxy = try ProxyChoice.choose(isTLS: parts.isTLS, host: parts.host, port: parts.port)
      self.transfer = transfer
      isTLS = parts.isTLS
      if case .http(_, isTLS: true) = proxy { isThroughTLSProxy = true }
      isThroughProxy = proxy != .direct
      transfer.configure(url: url, proxy: proxy)
      transfer.set(CURLOPT_CONNECT_ONLY, 1)
      transfer.set(CURLOPT_HTTPPROXYTUNNEL, 1)
      transfer.set(CURLOPT_TIMEOUT_MS, Int(timeout.inMilliseconds))
      if !addresses.isEmpty {
        let list = addresses.map(\.host).joined(separator: ",")
        transfer.set(CURLOPT_RESOLVE, ["\(parts.host):\(parts.port):\(list)"])
      }
      derphole_curl_set_pointer(transfer.easy, CURLOPT_PREREQDATA, Unmanaged.passUnretained(self).toOpaque())
      derphole_curl_set_prereq(transfer.easy) { context, _, _, _, _ in
        guard let context else { return CURL_PREREQFUNC_ABORT }
        Unmanaged<RelayDialer>.fromOpaque(context).takeUnretainedValue().connected()
        return CURL_PREREQFUNC_OK
      }
      connectTimer = loop.makeTimer { [weak self] in self?.checkConnected(connectTimeout) }
      connectTimer?.arm(after: connectTimeout)
      transfer.start { [weak self] code in self?.finished(code) }
    } catch {
      loop.defer { [weak self] in self?.end(.failure(error)) }
    }
  }

  /// Gives up; the completion will not be called.
  public func cancel() {
    completion = nil
    connectTimer = nil
    transfer = nil
  }

  /// The last moment at which libcurl tells the TLS session of a connection that it only makes.
  private func connected() {
    if isTLS, let transfer {
      tlsSession = derphole_curl_gnutls_session(transfer.easy).map { OpaquePointer($0) }
    }
  }

  private func checkConnected(_ limit: Interval) {
    guard let transfer else { return }
    var microseconds: curl_off_t = 0
    derphole_curl_get_off(transfer.easy, CURLINFO_CONNECT_TIME_T, &microseconds)
    if microseconds == 0 { end(.failure(.timedOut("no connection within \(limit.inMilliseconds) ms"))) }
  }

  private func finished(_ code: CURLcode) {
    guard let transfer else { return }
    guard code == CURLE_OK else {
      var status = 0
      derphole_curl_get_long(transfer.easy, CURLINFO_HTTP_CONNECTCODE, &status)
      if status != 0, status != 200 {
        return end(.failure(.proxy("the proxy answers CONNECT with status \(status)")))
      }
      return end(.failure(.from(code, transfer.text(of: code))))
    }
    var descriptor: curl_socket_t = -1
    derphole_curl_get_socket(transfer.easy, &descriptor)
    guard descriptor >= 0 else { return end(.failure(.other("the connection is gone"))) }
    var isTLS13 = false
    var metaKey: RelayMetaKey?
    if let tlsSession {
      isTLS13 = gnutls_protocol_get_version(tlsSession) == GNUTLS_TLS1_3
      if isTLS13 { metaKey = RelayMetaKey.find(in: tlsSession) }
    }
    let stream: any ByteStream
    if isThroughTLSProxy {
      stream = CurlStream(transfer, descriptor: descriptor)
    } else if isTLS {
      guard let tlsSession else { return end(.failure(.other("libcurl was built without GnuTLS"))) }
      stream = TLSClientStream(transfer, tlsSession, descriptor: descriptor)
    } else {
      // A descriptor of our own outlives libcurl's, which goes with the transfer.
      let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
      guard own >= 0 else { return end(.failure(.other(SystemError.last("dup").description))) }
      stream = PlainStream(descriptor: own)
    }
    let peer = isThroughProxy ? nil : Socket.peerAddress(of: stream.descriptor)
    end(.success(RelayConnection(stream: stream, isTLS13: isTLS13, metaKey: metaKey, peer: peer)))
  }

  private func end(_ result: Result<RelayConnection, DialError>) {
    let completion = completion
    cancel()
    completion?(result)
  }
}

extension RelayMetaKey {
  /// Looks through the peer's chain for a common name `derpkey` + 64 hex digits whose serial fits 8 bits.
  static func find(in session: OpaquePointer) -> RelayMetaKey? {
    var count: UInt32 = 0
    guard let chain = gnutls_certificate_get_peers(session, &count) else { return nil }
    for index in 0..<Int(min(count, 16)) {
      var certificate: gnutls_x509_crt_t?
      gnutls_x509_crt_init(&certificate)
      guard let certificate else { return nil }
      defer { gnutls_x509_crt_deinit(certificate) }
      guard gnutls_x509_crt_import(certificate, chain + index, GNUTLS_X509_FMT_DER) == 0,
        let name = commonName(of: certificate), name.hasPrefix("derpkey"),
        let key = Hex.decode(name.dropFirst(7)).flatMap({ Bytes32($0) }),
        let version = serial(of: certificate)
      else { continue }
      return RelayMetaKey(key: key, version: version)
    }
    return nil
  }

  private static func commonName(of certificate: OpaquePointer) -> String? {
    // Longer names than the one looked for do not fit and do not count.
    var text = [UInt8](repeating: 0, count: 128)
    var size = text.count
    guard gnutls_x509_crt_get_dn_by_oid(certificate, "2.5.4.3", 0, 0, &text, &size) == 0 else { return nil }
    return String(decoding: text[..<size], as: UTF8.self)
  }

  private static func serial(of certificate: OpaquePointer) -> UInt8? {
    var bytes = [UInt8](repeating: 0, count: 64)
    var size = bytes.count
    guard gnutls_x509_crt_get_serial(certificate, &bytes, &size) == 0 else { return nil }
    let significant = bytes[..<size].drop { $0 == 0 }
    return significant.count <= 1 ? significant.first ?? 0 : nil
  }
}
