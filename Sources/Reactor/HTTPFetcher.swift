import Basics
import CCurl
import Glibc

/// One HTTP GET. Dropping it cancels.
public final class HTTPFetcher {
  private let loop: EventLoop
  private var transfer: CurlTransfer?
  private let limit: Int
  private var body: [UInt8] = []
  private var completion: ((Result<[UInt8], DialError>) -> Void)?

  /// Fetches `url` (redirects are followed), at most `limit` bytes within `timeout`. The answer is the body of
  /// a response with status 200; it comes from the loop, never from within this call.
  public init(
    _ loop: EventLoop, url: String, limit: Int, timeout: Interval,
    completion: @escaping (Result<[UInt8], DialError>) -> Void
  ) {
    self.loop = loop
    self.limit = limit
    self.completion = completion
    transfer = CurlTransfer(loop)
    do throws(DialError) {
      guard let transfer else { throw .other("out of memory") }
      guard let parts = HTTPURL(url) else { throw .badURL(url) }
      let proxy = try ProxyChoice.choose(isTLS: parts.isTLS, host: parts.host, port: parts.port)
      transfer.configure(url: url, proxy: proxy)
      transfer.set(CURLOPT_FOLLOWLOCATION, 1)
      transfer.set(CURLOPT_MAXREDIRS, 10)
      transfer.set(CURLOPT_TIMEOUT_MS, Int(timeout.inMilliseconds))
      derphole_curl_set_pointer(transfer.easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(self).toOpaque())
      derphole_curl_set_write(transfer.easy) { data, size, count, context in
        guard let data, let context else { return 0 }
        let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
        return Unmanaged<HTTPFetcher>.fromOpaque(context).takeUnretainedValue().append(bytes)
      }
      transfer.start { [weak self] code in self?.finished(code) }
    } catch {
      loop.defer { [weak self] in self?.end(.failure(error)) }
    }
  }

  /// Stops; the completion will not be called.
  public func cancel() {
    completion = nil
    transfer = nil
  }

  private func append(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard body.count + bytes.count <= limit, completion != nil else { return 0 }
    body += bytes
    return bytes.count
  }

  private func finished(_ code: CURLcode) {
    guard let transfer else { return }
    let status = transfer.information(CURLINFO_RESPONSE_CODE)
    if code == CURLE_WRITE_ERROR {
      end(.failure(.http("the answer is longer than \(limit) bytes")))
    } else if code != CURLE_OK {
      end(.failure(.from(code, transfer.text(of: code))))
    } else if status != 200 {
      end(.failure(.http("HTTP status \(status)")))
    } else {
      end(.success(body))
    }
  }

  private func end(_ result: Result<[UInt8], DialError>) {
    let completion = completion
    cancel()
    completion?(result)
  }
}

extension CurlTransfer {
  /// What every connection of ours has in common.
  func configure(url: String, proxy: ProxyChoice) {
    set(CURLOPT_URL, url)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
    set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
    set(CURLOPT_SSL_ENABLE_ALPN, 0)
    set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
    set(CURLOPT_USERAGENT, "derphole")
    set(CURLOPT_TCP_NODELAY, 1)
    set(CURLOPT_TCP_KEEPALIVE, 1)
    set(CURLOPT_TCP_KEEPIDLE, 60)
    set(CURLOPT_TCP_KEEPINTVL, 15)
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    // Empty texts keep libcurl from reading the environment a second time.
    set(CURLOPT_NOPROXY, "")
    switch proxy {
    case .direct: set(CURLOPT_PROXY, "")
    case .http(let url, _), .socks(let url): set(CURLOPT_PROXY, url)
    }
    if let file = ProxyChoice.environmentVariable("SSL_CERT_FILE"), !file.isEmpty {
      set(CURLOPT_CAINFO, file)
      set(CURLOPT_PROXY_CAINFO, file)
      // As with Go's programs the system's folder counts besides.
      set(CURLOPT_CAPATH, "/etc/ssl/certs")
      set(CURLOPT_PROXY_CAPATH, "/etc/ssl/certs")
    }
    if let folder = ProxyChoice.environmentVariable("SSL_CERT_DIR"), !folder.isEmpty {
      set(CURLOPT_CAPATH, folder)
      set(CURLOPT_PROXY_CAPATH, folder)
    }
  }
}
