/// What the control socket of a tunnel understands: one line each.
public enum ControlRequest: String, Hashable, Sendable {
  case status

  /// The longest line that is read, in bytes, the line feed included.
  public static let maximumLength = 128

  /// The line, with its line feed.
  public var line: [UInt8] { Array("\(rawValue)\n".utf8) }
}

/// What the control socket of a tunnel answers: one line of JSON, `{"status":{…}}` or `{"error":"…"}`.
public enum ControlReply: Hashable, Sendable {
  case status(TunnelStatus)
  /// Why there is no status, for people.
  case refused(String)

  /// The longest line that is read, in bytes.
  public static let maximumLength = TunnelStatus.limits.maximumBytes

  /// The line, with its line feed.
  public var line: [UInt8] {
    var document = ControlReplyDocument()
    switch self {
    case .status(let status): document.status = status
    case .refused(let reason): document.error = reason
    }
    return document.canonicalJSON + [UInt8(ascii: "\n")]
  }

  /// Reads a line, with or without its line feed.
  public init(parsing line: [UInt8]) throws(JSONError) {
    let document = try line.withUnsafeBufferPointer { (buffer) throws(JSONError) in
      try ControlReplyDocument(json: UnsafeRawBufferPointer(buffer), limits: TunnelStatus.limits)
    }
    if let status = document.status {
      self = .status(status)
    } else if !document.error.isEmpty {
      self = .refused(document.error)
    } else {
      throw .wrongShape
    }
  }
}

/// The JSON form of a reply.
private struct ControlReplyDocument: JSONObject {
  var status: TunnelStatus?
  var error = ""

  static var blank: ControlReplyDocument { ControlReplyDocument() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "status": try value.store(into: &status)
    case "error": try value.store(into: &error)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("status", omittingEmpty: status)
    writer.member("error", omittingEmpty: error)
  }
}
