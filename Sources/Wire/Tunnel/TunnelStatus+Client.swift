import Basics

extension TunnelStatus {
  /// One client of a tunnel, as the server sees it; for `open` the server it is connected to.
  public struct Client: Hashable, Sendable {
    /// The way that payload takes.
    public enum Path: String, Hashable, Sendable {
      case relay
      case direct
    }

    /// As the client's token says.
    public var name = ""
    public var clientID = Bytes16.zero
    /// Which of the client's credentials it came with: what a revocation names.
    public var tokenID = Bytes16.zero
    public var connectedUnixSeconds: Int64 = 0
    public var path = Path.relay
    /// The client's address when the path is direct, otherwise the relay's.
    public var address = ""
    /// Nil while it is not known.
    public var roundTripMicroseconds: Int64?
    /// Payload that came from the client.
    public var bytesIn: UInt64 = 0
    /// Payload that went to the client.
    public var bytesOut: UInt64 = 0
    public var bytesPerSecondIn: UInt64 = 0
    public var bytesPerSecondOut: UInt64 = 0
    /// TCP connections that are open now.
    public var connections = 0
    /// TCP connections since the client came.
    public var connectionsTotal: UInt64 = 0
    public var udpFlows = 0
    /// Datagrams that the path could not carry whole.
    public var datagramsTooLarge: UInt64 = 0
    /// From this second of Unix time on the client's credential is void; 0 for never.
    public var expiresUnixSeconds: Int64 = 0

    public init() {}
  }
}

extension TunnelStatus.Client: JSONObject {
  static var blank: TunnelStatus.Client { TunnelStatus.Client() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "name": try value.store(into: &self.name)
    case "clientid": try value.store(hex: &clientID)
    case "tokenid": try value.store(hex: &tokenID)
    case "connectedunixseconds": try value.store(into: &connectedUnixSeconds)
    case "path": try value.store(word: &path)
    case "address": try value.store(into: &address)
    case "roundtripmicroseconds": try value.store(into: &roundTripMicroseconds)
    case "bytesin": try value.store(into: &bytesIn)
    case "bytesout": try value.store(into: &bytesOut)
    case "bytespersecondin": try value.store(into: &bytesPerSecondIn)
    case "bytespersecondout": try value.store(into: &bytesPerSecondOut)
    case "connections": try value.store(into: &connections)
    case "connectionstotal": try value.store(into: &connectionsTotal)
    case "udpflows": try value.store(into: &udpFlows)
    case "datagramstoolarge": try value.store(into: &datagramsTooLarge)
    case "expiresunixseconds": try value.store(into: &expiresUnixSeconds)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("name", name)
    writer.member("clientID", clientID.hex)
    writer.member("tokenID", tokenID.hex)
    writer.member("connectedUnixSeconds", connectedUnixSeconds)
    writer.member("path", path.rawValue)
    writer.member("address", omittingEmpty: address)
    if let roundTripMicroseconds { writer.member("roundTripMicroseconds", roundTripMicroseconds) }
    writer.member("bytesIn", bytesIn)
    writer.member("bytesOut", bytesOut)
    writer.member("bytesPerSecondIn", bytesPerSecondIn)
    writer.member("bytesPerSecondOut", bytesPerSecondOut)
    writer.member("connections", connections)
    writer.member("connectionsTotal", connectionsTotal)
    writer.member("udpFlows", udpFlows)
    writer.member("datagramsTooLarge", datagramsTooLarge)
    writer.member("expiresUnixSeconds", omittingEmpty: expiresUnixSeconds)
  }
}
