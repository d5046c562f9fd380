import Basics

/// The claim of upstream's transfer protocol v2 (envelope `v2_claim`), sent once.
public struct TransferClaim: Hashable, Sendable {
  /// The protocol's name, which every v2 message carries.
  public static let protocolName = "derphole-transfer-v2"

  /// `TransferClaim.protocolName`; anything else ends the session.
  public var protocolName = ""
  /// The claimant's Ed25519 identity.
  public var quicPublic = Bytes32.zero
  /// Where the claimant may be reached; none when relay is forced.
  public var candidates: [String] = []
  /// Whether direct paths are allowed (sic): false forces the relay for both sides.
  public var isRelayCapable = false
  /// Never set by upstream.
  public var isReceiverLimited = false
  /// `fixed` or `auto`; empty means fixed 8.
  public var parallelMode = ""
  /// Lanes at the start, 1 to 16.
  public var parallelInitial = 0
  /// Lanes at most, 1 to 16.
  public var parallelCap = 0
  /// `blocks-v1` when a sender offers a file, else empty.
  public var transferMode = ""
  /// The file transfer's header bytes.
  public var blockHeader: [UInt8] = []
  /// The file's size in bytes.
  public var blockSize: Int64 = 0
  /// Bytes of a block.
  public var blockChunkSize = 0
  /// The receiver can take blocks.
  public var isBlockCapable = false
  /// Bulk packets are possible.
  public var isBlockPacketCapable = false
  /// Bulk packets in batches are possible.
  public var isBlockPacketBatchCapable = false
  /// Grouped bulk records are possible.
  public var isBlockPacketGroupCapable = false
  /// Files over direct TCP are possible.
  public var isDirectTCPFileCapable = false
  /// Where, when a port was configured.
  public var directTCPFile: DirectTCPFile?

  /// A claim with everything zero or empty.
  public init() {}
}

extension TransferClaim: JSONObject {
  static var blank: TransferClaim { TransferClaim() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "protocol": try value.store(into: &protocolName)
    case "quic_public": try value.store(into: &quicPublic)
    case "candidates": try value.store(into: &candidates)
    case "relay_capable": try value.store(into: &isRelayCapable)
    case "receiver_limited": try value.store(into: &isReceiverLimited)
    case "parallel_mode": try value.store(into: &parallelMode)
    case "parallel_initial": try value.store(into: &parallelInitial)
    case "parallel_cap": try value.store(into: &parallelCap)
    case "transfer_mode": try value.store(into: &transferMode)
    case "block_header": try value.store(into: &blockHeader)
    case "block_size": try value.store(into: &blockSize)
    case "block_chunk_size": try value.store(into: &blockChunkSize)
    case "block_capable": try value.store(into: &isBlockCapable)
    case "block_packet_capable": try value.store(into: &isBlockPacketCapable)
    case "block_packet_batch_capable": try value.store(into: &isBlockPacketBatchCapable)
    case "block_packet_group_capable": try value.store(into: &isBlockPacketGroupCapable)
    case "direct_tcp_file_capable": try value.store(into: &isDirectTCPFileCapable)
    case "direct_tcp_file": try value.store(into: &directTCPFile)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("protocol", protocolName)
    writer.member("quic_public", quicPublic)
    writer.member("candidates", omittingEmpty: candidates)
    writer.member("relay_capable", isRelayCapable)
    writer.member("receiver_limited", omittingEmpty: isReceiverLimited)
    writer.member("parallel_mode", omittingEmpty: parallelMode)
    writer.member("parallel_initial", omittingEmpty: parallelInitial)
    writer.member("parallel_cap", omittingEmpty: parallelCap)
    writer.member("transfer_mode", omittingEmpty: transferMode)
    writer.member("block_header", omittingEmpty: blockHeader)
    writer.member("block_size", omittingEmpty: blockSize)
    writer.member("block_chunk_size", omittingEmpty: blockChunkSize)
    writer.member("block_capable", omittingEmpty: isBlockCapable)
    writer.member("block_packet_capable", omittingEmpty: isBlockPacketCapable)
    writer.member("block_packet_batch_capable", omittingEmpty: isBlockPacketBatchCapable)
    writer.member("block_packet_group_capable", omittingEmpty: isBlockPacketGroupCapable)
    writer.member("direct_tcp_file_capable", omittingEmpty: isDirectTCPFileCapable)
    writer.member("direct_tcp_file", omittingEmpty: directTCPFile)
  }
}

/// Where a side takes files over direct TCP.
public struct DirectTCPFile: Hashable, Sendable {
  /// Addresses as `Candidate` spells them.
  public var candidates: [String] = []
  /// Hex of the TLS certificate's SHA-256.
  public var fingerprintSHA256 = ""
  /// Hex of the transfer's sixteen bytes.
  public var transferID = ""

  /// A place with everything empty.
  public init() {}
}

extension DirectTCPFile: JSONObject {
  static var blank: DirectTCPFile { DirectTCPFile() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "candidates": try value.store(into: &candidates)
    case "fingerprint_sha256": try value.store(into: &fingerprintSHA256)
    case "transfer_id": try value.store(into: &transferID)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("candidates", candidates)
    writer.member("fingerprint_sha256", fingerprintSHA256)
    writer.member("transfer_id", transferID)
  }
}
