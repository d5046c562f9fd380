import Glibc

/// A failed system call: what was tried and the error number it gave.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried, in words for a person, such as `bind 127.0.0.1:3340`.
  public var operation: String
  /// The value of `errno`.
  public var code: Int32

  public init(_ operation: String, code: Int32) {
    self.operation = operation
    self.code = code
  }

  /// The error that the calling thread's `errno` holds now.
  static func last(_ operation: String) -> SystemError { SystemError(operation, code: errno) }

  /// `operation: text of the error number`.
  public var description: String { "\(operation): \(Self.text(of: code))" }

  /// The C library's text for an error number, such as `Address already in use`.
  public static func text(of code: Int32) -> String { String(cString: strerror(code)) }
}

/// Why a reactor object could not be made.
public enum ReactorError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The event loop's epoll backend is not available.
  case noEventLoop
  /// The text is not an IP address with a port.
  case badAddress(String)
  /// A system call failed.
  case system(SystemError)
  /// A certificate or key could not be used; the text says which and why.
  case credentials(String)
  /// Something is not as it has to be to be used; the text says what and why.
  case unfit(String)

  public var description: String {
    switch self {
    case .noEventLoop: "cannot create an epoll event loop"
    case .badAddress(let text): "not an IP address with a port: \(text)"
    case .system(let error): error.description
    case .credentials(let text), .unfit(let text): text
    }
  }
}

/// Why a connected stream ended otherwise than in good order.
public enum StreamError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The other side reset the connection, or the connection timed out.
  case reset
  /// The stream was used after `close()`.
  case closed
  /// TLS failed; the text is the TLS library's.
  case tls(String)
  /// Another failure of the system.
  case system(SystemError)

  public var description: String {
    switch self {
    case .reset: "connection reset"
    case .closed: "stream is closed"
    case .tls(let text): "TLS: \(text)"
    case .system(let error): error.description
    }
  }

  /// Sorts an error number of `recv` or `send`.
  static func from(_ operation: String, code: Int32) -> StreamError {
    switch code {
    case ECONNRESET, EPIPE, ENOTCONN, ECONNABORTED: .reset
    default: .system(SystemError(operation, code: code))
    }
  }
}
