import ArgumentParser

/// Options of every command; they are accepted before and after the command's name.
struct GlobalOptions: ParsableArguments {
  @Flag(name: [.short, .long], help: "Print state changes and every transition of the machines.")
  var verbose = false

  @Flag(name: .long, help: "Do not show progress; summaries and instructions stay.")
  var hideProgress = false

  @Flag(name: .long, help: "Print one JSON event a line on standard error instead of text.")
  var json = false

  @Flag(name: .long, help: "Stay on the relay: open no UDP socket and tell the other side no address.")
  var forceRelay = false

  @Flag(name: .long, help: "Leave the router alone: do not ask it about port mappings.")
  var noPortmap = false

  /// These options or those that stood before the command's name.
  func merged(with other: GlobalOptions) -> GlobalOptions {
    var result = self
    result.verbose = verbose || other.verbose
    result.hideProgress = hideProgress || other.hideProgress
    result.json = json || other.json
    result.forceRelay = forceRelay || other.forceRelay
    result.noPortmap = noPortmap || other.noPortmap
    return result
  }
}

/// Where the side that issues a token waits.
struct RelayOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Meet at this relay (https://host[:port] or http://host[:port]); the token tells the other side.",
      valueName: "url"))
  var derp: String?

  @Option(name: .long, help: ArgumentHelp("The UDP port of that relay's STUN responder.", valueName: "port"))
  var derpStun: UInt16?
}

/// Where the public relays are listed.
struct RelayMapOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("Take the map of relays from here.", valueName: "url-or-file"))
  var derpMap: String?
}
