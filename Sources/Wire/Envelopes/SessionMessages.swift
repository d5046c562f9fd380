/// What a session's transport tells the other side about where it may be reached.
public struct TransportControl: Hashable, Sendable {
  /// The kind that replaces the peer's known candidates.
  public static let candidatesKind = "candidates"
  /// The kind that asks for probes now and for the peer's candidates.
  public static let callMeMaybeKind = "call-me-maybe"

  /// One of the kinds above; others are to be ignored.
  public var kind: String
  /// Addresses as `Candidate` spells them.
  public var candidates: [String]

  public init(kind: String = "", candidates: [String] = []) {
    self.kind = kind
    self.candidates = candidates
  }
}

extension TransportControl: JSONObject {
  static var blank: TransportControl { TransportControl(kind: "") }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "type": try value.store(into: &kind)
    case "candidates": try value.store(into: &candidates)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("type", kind)
    writer.member("candidates", omittingEmpty: candidates)
  }
}

/// How far the receiver of the data has got.
public struct TransferProgress: Hashable, Sendable {
  /// Bytes received so far; as the peer wrote it, perhaps negative.
  public var bytesReceived: Int64
  /// Milliseconds since the first byte.
  public var elapsedMilliseconds: Int64
  /// Counts from 1; 0 when absent.
  public var sequence: UInt64

  public init(bytesReceived: Int64 = 0, elapsedMilliseconds: Int64 = 0, sequence: UInt64 = 0) {
    self.bytesReceived = bytesReceived
    self.elapsedMilliseconds = elapsedMilliseconds
    self.sequence = sequence
  }
}

extension TransferProgress: JSONObject {
  static var blank: TransferProgress { TransferProgress(bytesReceived: 0) }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "bytes_received": try value.store(into: &bytesReceived)
    case "transfer_elapsed_ms": try value.store(into: &elapsedMilliseconds)
    case "sequence": try value.store(into: &sequence)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("bytes_received", bytesReceived)
    writer.member("transfer_elapsed_ms", elapsedMilliseconds)
    writer.member("sequence", omittingEmpty: sequence)
  }
}

/// The end of a session that did not succeed.
public struct Abort: Hashable, Sendable {
  /// Why, in words; may be empty. It comes from the other side: whoever prints it makes it harmless.
  public var reason: String
  /// How much had been transferred; 0 is written, nil is not.
  public var bytesTransferred: Int64?

  public init(reason: String = "", bytesTransferred: Int64? = nil) {
    self.reason = reason
    self.bytesTransferred = bytesTransferred
  }
}

extension Abort: JSONObject {
  static var blank: Abort { Abort(reason: "") }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "reason": try value.store(into: &reason)
    case "bytes_transferred": try value.store(into: &bytesTransferred)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("reason", omittingEmpty: reason)
    if let bytesTransferred { writer.member("bytes_transferred", bytesTransferred) }
  }
}
