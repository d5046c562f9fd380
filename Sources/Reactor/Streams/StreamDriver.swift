import Basics

/// What does something with the streams of a session, on the loop of its host.
public protocol StreamDriver: AnyObject {
  /// Set by the session's host: the session has something to do.
  var wake: () -> Void { get set }
  /// Does what the session's events ask for; whether anything was done. Is called until nothing was.
  func pump() -> Bool
  /// Somebody sent an envelope to a door.
  func knocked(_ envelope: [UInt8], from source: Bytes32)
  /// The session is over.
  func sessionEnded()
}

extension StreamDriver {
  public func knocked(_ envelope: [UInt8], from source: Bytes32) {}
}
