import Basics

/// Upstream's answer to a claim.
public struct Decision: Hashable, Sendable {
  /// Whether the claimant is in.
  public var isAccepted = false
  /// What it is told then.
  public var accept: Accept?
  /// Why it is not.
  public var reject: Reject?

  /// A refusal without reason.
  public init() {}
}

extension Decision: JSONObject {
  static var blank: Decision { Decision() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "accepted": try value.store(into: &isAccepted)
    case "accept": try value.store(into: &accept)
    case "reject": try value.store(into: &reject)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("accepted", isAccepted)
    writer.member("accept", omittingEmpty: accept)
    writer.member("reject", omittingEmpty: reject)
  }
}

/// What an accepted claimant is told.
public struct Accept: Hashable, Sendable {
  /// The token's version.
  public var version: UInt8 = 0
  /// The token's session.
  public var sessionID = Bytes16.zero
  /// The claim's number, echoed.
  public var parallel = 0
  /// Where the acceptor may be reached; the claim's own candidates when the acceptor forces relay.
  public var candidates: [String] = []
  /// The claim's capabilities, echoed.
  public var capabilities: UInt32 = 0

  /// An answer with everything zero or empty.
  public init() {}
}

extension Accept: JSONObject {
  static var blank: Accept { Accept() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "version": try value.store(into: &version)
    case "session_id": try value.store(into: &sessionID)
    case "parallel": try value.store(into: &parallel)
    case "candidates": try value.store(into: &candidates)
    case "capabilities": try value.store(into: &capabilities)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("version", version)
    writer.member("session_id", sessionID)
    writer.member("parallel", omittingEmpty: parallel)
    writer.member("candidates", omittingEmpty: candidates)
    writer.member("capabilities", capabilities)
  }
}

/// Why a claim was refused, in upstream's decisions and in ours.
public struct Reject: Hashable, Sendable {
  /// A word for programs: `expired`, `claimed`, `claim_malformed`, …
  public var code = ""
  /// A text for people; may be empty. It comes from the other side: whoever prints it makes it harmless.
  public var reason = ""

  public init(code: String = "", reason: String = "") {
    self.code = code
    self.reason = reason
  }
}

extension Reject: JSONObject {
  static var blank: Reject { Reject(code: "") }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "code": try value.store(into: &code)
    case "reason": try value.store(into: &reason)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("code", code)
    writer.member("reason", omittingEmpty: reason)
  }
}
