/// The answer to a `TransferClaim` (envelope `v2_accept`), sent once.
public struct TransferAccept: Hashable, Sendable {
  /// `TransferClaim.protocolName`.
  public var protocolName = ""
  /// Upstream only ever says true.
  public var isAccepted = false
  /// Where the acceptor may be reached.
  public var candidates: [String] = []
  /// Whether direct paths are allowed (sic).
  public var isRelayCapable = false
  /// Why not accepted.
  public var reason = ""
  /// `fixed` or `auto`.
  public var parallelMode = ""
  /// Lanes to use.
  public var parallelInitial = 0
  /// Lanes at most.
  public var parallelCap = 0
  /// QUIC connections over the relay path.
  public var managerConnections = 0
  /// Limit for negotiating a raw path, in milliseconds; 0 for none.
  public var rawDirectBudgetMilliseconds = 0
  /// `blocks-v1`, `bulk-packets-v1`, `direct-tcp-files-v1` or empty for a byte stream.
  public var transferMode = ""
  /// The file transfer's header bytes.
  public var blockHeader: [UInt8] = []
  /// The file's size in bytes.
  public var blockSize: Int64 = 0
  /// Bytes of a block.
  public var blockChunkSize = 0
  /// Bulk packets in batches are possible.
  public var isBlockPacketBatchCapable = false
  /// Grouped bulk records are possible.
  public var isBlockPacketGroupCapable = false
  /// Files over direct TCP are possible.
  public var isDirectTCPFileCapable = false
  /// Where, when a port was configured.
  public var directTCPFile: DirectTCPFile?

  /// An answer with everything zero or empty.
  public init() {}
}

extension TransferAccept: JSONObject {
  static var blank: TransferAccept { TransferAccept() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "protocol": try value.store(into: &protocolName)
    case "accepted": try value.store(into: &isAccepted)
    case "candidates": try value.store(into: &candidates)
    case "relay_capable": try value.store(into: &isRelayCapable)
    case "reason": try value.store(into: &reason)
    case "parallel_mode": try value.store(into: &parallelMode)
    case "parallel_initial": try value.store(into: &parallelInitial)
    case "parallel_cap": try value.store(into: &parallelCap)
    case "manager_connections": try value.store(into: &managerConnections)
    case "raw_direct_budget_ms": try value.store(into: &rawDirectBudgetMilliseconds)
    case "transfer_mode": try value.store(into: &transferMode)
    case "block_header": try value.store(into: &blockHeader)
    case "block_size": try value.store(into: &blockSize)
    case "block_chunk_size": try value.store(into: &blockChunkSize)
    case "block_packet_batch_capable": try value.store(into: &isBlockPacketBatchCapable)
    case "block_packet_group_capable": try value.store(into: &isBlockPacketGroupCapable)
    case "direct_tcp_file_capable": try value.store(into: &isDirectTCPFileCapable)
    case "direct_tcp_file": try value.store(into: &directTCPFile)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("protocol", protocolName)
    writer.member("accepted", isAccepted)
    writer.member("candidates", omittingEmpty: candidates)
    writer.member("relay_capable", isRelayCapable)
    writer.member("reason", omittingEmpty: reason)
    writer.member("parallel_mode", omittingEmpty: parallelMode)
    writer.member("parallel_initial", omittingEmpty: parallelInitial)
    writer.member("parallel_cap", omittingEmpty: parallelCap)
    writer.member("manager_connections", omittingEmpty: managerConnections)
    writer.member("raw_direct_budget_ms", omittingEmpty: rawDirectBudgetMilliseconds)
    writer.member("transfer_mode", omittingEmpty: transferMode)
    writer.member("block_header", omittingEmpty: blockHeader)
    writer.member("block_size", omittingEmpty: blockSize)
    writer.member("block_chunk_size", omittingEmpty: blockChunkSize)
    writer.member("block_packet_batch_capable", omittingEmpty: isBlockPacketBatchCapable)
    writer.member("block_packet_group_capable", omittingEmpty: isBlockPacketGroupCapable)
    writer.member("direct_tcp_file_capable", omittingEmpty: isDirectTCPFileCapable)
    writer.member("direct_tcp_file", omittingEmpty: directTCPFile)
  }
}

/// The receiver of the data has it all (envelope `v2_complete`), sent once.
public struct TransferComplete: Hashable, Sendable {
  /// `TransferClaim.protocolName`.
  public var protocolName: String
  /// Bytes received; as the peer wrote it, perhaps negative.
  public var bytesReceived: Int64

  public init(protocolName: String = TransferClaim.protocolName, bytesReceived: Int64) {
    self.protocolName = protocolName
    self.bytesReceived = bytesReceived
  }
}

extension TransferComplete: JSONObject {
  static var blank: TransferComplete { TransferComplete(protocolName: "", bytesReceived: 0) }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "protocol": try value.store(into: &protocolName)
    case "bytes_received": try value.store(into: &bytesReceived)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("protocol", protocolName)
    writer.member("bytes_received", bytesReceived)
  }
}
