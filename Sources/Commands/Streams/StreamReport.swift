import Reactor
import Wire

/// Shows what happens to the connections of a session of streams.
struct StreamReport {
  let reporter: SessionReporter
  let isJSON: Bool
  let isVerbose: Bool

  func show(_ event: StreamHost.Event) {
    switch event {
    case .listening(let address):
      if isJSON {
        JSONLine(event: "listening").adding("address", address.description).emit()
      } else {
        reporter.line("listening on \(address)")
      }
    case .cannotListen: break
    case .opened(let id):
      guard isVerbose else { return }
      if isJSON { stream(id.number, "opened").emit() } else { reporter.detail("\(id): opened") }
    case .closed(let id, let isReset, let sent, let received, let lasted):
      guard isVerbose else { return }
      if isJSON {
        stream(id.number, isReset ? "reset" : "closed").adding("bytesSent", sent).adding(
          "bytesReceived", received
        )
        .adding("milliseconds", lasted.inMilliseconds).emit()
      } else {
        reporter.detail(
          "\(id): \(isReset ? "reset" : "closed") after \(RateFormat.duration(lasted)), "
            + "\(RateFormat.size(sent)) out, \(RateFormat.size(received)) in")
      }
    case .refused(let id, let reason):
      // Whoever shares wants to know that the service is not there, also without --verbose; once in a while is enough.
      if isJSON {
        stream(id.number, "refused").adding("message", reason).emit()
      } else {
        reporter.refusal("the service refused a connection: \(printable(reason))")
      }
    }
  }

  /// Of a share with several openers.
  func show(_ event: StreamDoor.Event) {
    switch event {
    case .entered(let number): client(number, "connected")
    case .left(let number, let outcome):
      if case .failure(let failure) = outcome {
        client(number, "gone", failure.description)
      } else {
        client(number, "closed")
      }
    case .streams(_, let event): show(event)
    case .session(let number, .peerMissing(let isMissing)): client(number, isMissing ? "silent" : "back")
    case .session(let number, .path(let report)):
      if isVerbose, !isJSON { reporter.detail("client \(number): \(PathFormat.text(report))") }
    case .session: break
    }
  }

  private func client(_ number: Int, _ state: String, _ message: String? = nil) {
    if isJSON {
      JSONLine(event: "client").adding("number", number).adding("state", state).adding(
        "message", optional: message
      )
      .emit()
    } else {
      reporter.line("client \(number): \(state)" + (message.map { ": \($0)" } ?? ""))
    }
  }

  private func stream(_ number: Int64, _ state: String) -> JSONLine {
    JSONLine(event: "stream").adding("id", number).adding("state", state)
  }
}
