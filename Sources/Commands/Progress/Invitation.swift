import Glibc
import Wire

/// What the issuer of a token tells the person to do with it.
struct Invitation {
  enum Use {
    /// `listen`: the token alone, on one line.
    case pipe
    /// `send`: the other side fetches.
    case receive
    /// `receive` without a code: the other side sends.
    case send
    /// `share`: the other side opens.
    case open
    /// `ssh invite`: the other side gets access.
    case sshAccept
  }

  var token: String
  var use: Use
  /// The token goes to standard output, and nothing else.
  var isTokenOnly = false
  /// A QR code is shown, too.
  var showsQRCode = false

  /// What other devices understand when they read the QR code.
  var url: String { "derphole://receive?token=\(token)&v=1" }

  /// The command for the other machine, on a line of its own to be copied.
  var command: String? {
    switch use {
    case .pipe: nil
    case .receive: "derphole receive \(token)"
    case .send: "derphole send --to \(token) PATH"
    case .open: "derphole open \(token)"
    case .sshAccept: "derphole ssh accept \(token)"
    }
  }

  /// The lines for a person.
  var lines: [String] {
    guard let command else { return [token] }
    // An argument can be seen by other users of that machine while the command runs.
    let safer =
      switch use {
      case .receive: "`derphole receive --code-prompt` asks for the code and keeps it off the command line"
      case .open, .sshAccept: "with --token-prompt instead of the token it stays off the command line"
      case .pipe, .send: "with --to-prompt instead of --to TOKEN the token stays off the command line"
      }
    return ["On the other machine, run:", command, "(\(safer))"]
  }

  /// Shows it all.
  func show(isJSON: Bool) {
    if isTokenOnly {
      Console.write(token + "\n", to: STDOUT_FILENO)
    } else if isJSON {
      var line = JSONLine(event: "token").adding("token", token)
      if let command { line.add("command", command) }
      line.emit()
    } else {
      if showsQRCode { QRCode.show(url) }
      for line in lines { Console.line(line) }
    }
  }
}
