import Wire

/// What the relay says to a request that asks for no DERP connection.
struct HTTPAnswer {
  let status: Int
  private let reason: String
  private var headers: [(name: String, value: String)] = []
  private var body = ""

  init(_ status: Int, _ reason: String) {
    self.status = status
    self.reason = reason
    body = "\(reason)\n"
  }

  /// Paths and answers as in Tailscale's relays, so that their probes and captive-portal checks work.
  init(to request: HTTPRequestHead) {
    let isRead = request.method == "GET" || request.method == "HEAD"
    switch request.path {
    case "/derp/probe", "/derp/latency-check":
      self.init(isRead ? 200 : 405, isRead ? "OK" : "Method Not Allowed")
      if isRead { headers = [("Access-Control-Allow-Origin", "*")] }
    case "/generate_204":
      self.init(204, "No Content")
      body = ""
      headers = [("Cache-Control", "no-cache, no-store, must-revalidate, no-transform, max-age=0")]
      if let challenge = request.header("X-Tailscale-Challenge"), Self.isEcho(challenge) {
        headers.append(("X-Tailscale-Response", "response \(challenge)"))
      }
    case "/derp":
      self.init(426, "Upgrade Required")
      headers = [("Upgrade", "DERP")]
      body = "DERP requires connection upgrade\n"
    case "/":
      self.init(200, "OK")
      body = "This is a DERP relay.\n"
    default:
      self.init(404, "Not Found")
    }
    if request.method == "HEAD" { body = "" }
  }

  func serialized() -> [UInt8] {
    let content = body.isEmpty ? [] : [(name: "Content-Type", value: "text/plain; charset=utf-8")]
    return DERPUpgrade.response(status: status, reason: reason, headers: headers + content, body: body)
  }

  /// Only harmless text is returned to where it came from.
  private static func isEcho(_ challenge: String) -> Bool {
    challenge.utf8.count <= 64
      && challenge.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
          UInt8(ascii: ":"):
          true
        default: false
        }
      }
  }
}
