import Wire

/// What happened on the native plane that the session has to know.
enum PlaneEvent {
  /// The output has taken the whole payload of this length.
  case payloadEnded(UInt64)
  /// The peer wrote everything: the sender's success.
  case peerCompleted(UInt64)
  /// The peer knows that we completed, or enough time was given to it.
  case completionSettled
  /// The peer gave up.
  case peerAborted(Abandonment)
  /// Our own abort is known to the peer, or enough time was given to it.
  case abortSettled
  /// The peer of streams has been silent for as long as that of a transfer would be borne.
  case peerMissing
  /// It is heard again.
  case peerBack
  /// Nothing authentic came from the peer for as long as that is borne, while a path of ours was up.
  case peerSilent
  /// A range of our payload cannot be brought over although the peer answers (RPR-6).
  case repairAbandoned
  /// A machine of the plane took an event.
  case transition(TransitionRecord)
  /// The peer broke the protocol.
  case violation(String)
  /// The peer asks for an echo of this token in a frame of this length, in bytes, over the path that it came on.
  case challenge(token: UInt64, length: Int, lane: Lane)
  /// An echo of this token came, in a frame of this length in bytes.
  case echo(token: UInt64, length: Int)
  /// The peer says where it may be reached.
  case candidates(CandidateUpdate)
  /// The peer has our candidate update of this sequence number.
  case candidatesReceived(UInt32)
  /// The peer newly acknowledged frames of the present direct path: it carries payload there, and we hear of it.
  case directAcknowledged
}

/// What became of a frame that was given to the plane.
enum FrameReception {
  /// Malformed, not authentic, or of another lane.
  case refused
  /// Authentic, but taken before: no sign of life, and no proof of where the peer is now.
  case repeated
  /// Authentic and new.
  case fresh
}
