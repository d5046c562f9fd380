import Basics

/// What a running tunnel tells about itself: to `derptun status` over its control socket, and as metrics.
///
/// Names, addresses and counts, and never a secret: no token, no key, nothing that was carried.
public struct TunnelStatus: Hashable, Sendable {
  /// Which side of the tunnel the process is.
  public enum Role: String, Hashable, Sendable {
    case serve
    case open
  }

  /// How it stands with the relay.
  public enum RelayState: String, Hashable, Sendable {
    case connecting
    case connected
    /// It was there and is not; the process tries again.
    case lost
  }

  /// How the process is called: the name of its control socket.
  public var name = ""
  public var role = Role.serve
  public var pid: Int32 = 0
  public var startedUnixSeconds: Int64 = 0
  /// Counted by the monotonic clock, which nobody sets.
  public var uptimeSeconds: Int64 = 0
  /// The service that is served; empty for `open`.
  public var target = ""
  /// Where `open` listens.
  public var listening: [String] = []
  /// Which relay.
  public var relay = ""
  public var relayState = RelayState.connecting
  /// Who is in, in the order of coming.
  public var clients: [Client] = []
  public var counters = Counters()
  /// A text for people about what last went wrong; empty for nothing.
  public var lastError = ""

  public init() {}

  /// The status as one line of JSON, without the line feed.
  public var json: [UInt8] { canonicalJSON }

  /// Reads what `json` wrote; unknown members are ignored.
  public init(json bytes: [UInt8]) throws(JSONError) {
    self = try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) in
      try TunnelStatus(json: UnsafeRawBufferPointer(buffer), limits: Self.limits)
    }
  }

  /// Far more than any number of clients that a server lets in.
  static let limits = JSONLimits(maximumBytes: 1 << 20, maximumValues: 65_536)
}

extension TunnelStatus: JSONObject {
  static var blank: TunnelStatus { TunnelStatus() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "name": try value.store(into: &self.name)
    case "role": try value.store(word: &role)
    case "pid": try value.store(into: &pid)
    case "startedunixseconds": try value.store(into: &startedUnixSeconds)
    case "uptimeseconds": try value.store(into: &uptimeSeconds)
    case "target": try value.store(into: &target)
    case "listening": try value.store(into: &listening)
    case "relay": try value.store(into: &relay)
    case "relaystate": try value.store(word: &relayState)
    case "clients": try value.store(objects: &clients)
    case "counters": try value.store(into: &counters)
    case "lasterror": try value.store(into: &lastError)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("name", name)
    writer.member("role", role.rawValue)
    writer.member("pid", pid)
    writer.member("startedUnixSeconds", startedUnixSeconds)
    writer.member("uptimeSeconds", uptimeSeconds)
    writer.member("target", omittingEmpty: target)
    writer.member("listening", omittingEmpty: listening)
    writer.member("relay", omittingEmpty: relay)
    writer.member("relayState", relayState.rawValue)
    writer.member("clients", objects: clients)
    writer.member("counters", counters)
    writer.member("lastError", omittingEmpty: lastError)
  }
}

extension JSONValue {
  /// A word out of a fixed list.
  func store<Word: RawRepresentable>(word target: inout Word) throws(JSONError)
  where Word.RawValue == String {
    var text = target.rawValue
    try store(into: &text)
    guard let word = Word(rawValue: text) else { throw .wrongShape }
    target = word
  }

  func store<Object: JSONObject>(objects target: inout [Object]) throws(JSONError) {
    switch self {
    case .null: target = []
    case .array(let elements):
      var list: [Object] = []
      list.reserveCapacity(elements.count)
      for element in elements {
        var object = Object.blank
        try element.store(into: &object)
        list.append(object)
      }
      target = list
    default: throw .wrongShape
    }
  }

  /// An identifier in hex.
  func store(hex target: inout Bytes16) throws(JSONError) {
    var text = target.hex
    try store(into: &text)
    guard let bytes = Hex.decode(text), let value = Bytes16(bytes) else { throw .wrongShape }
    target = value
  }
}

extension JSONWriter {
  mutating func member(_ name: StaticString, objects: [some JSONObject]) {
    self.name(name)
    array { writer in
      for object in objects { writer.object { object.writeMembers(to: &$0) } }
    }
  }
}
