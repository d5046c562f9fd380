import ArgumentParser
import Glibc
import Reactor

/// A program whose options stand before its commands' names too.
protocol CarriesGlobalOptions: ParsableCommand {
  var globals: GlobalOptions { get }
}

/// `netcheck`: what the network lets through, for people who wonder why a session is relayed.
struct NetcheckCommand<Program: CarriesGlobalOptions>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "netcheck",
      abstract: "Tell what this network lets through, and whether direct connections are likely.",
      discussion: """
        Asks the relays of the map, or those named by --derp, by UDP and where that fails by TCP. Takes one to five \
        seconds and prints a table on standard output, with --json one object.

        It takes two relays at different addresses to see whether the NAT's mapping depends on the destination. What \
        the NAT lets in is seen with a relay that answers from another port, as derprelay does. The router is asked \
        which port mapping protocols it speaks, and maps nothing; --no-portmap leaves it alone.

        Exit status: 0 when the check ran, whatever it found; 5 without any network or map of relays; 64 for a wrong \
        command line.
        """)
  }

  @ParentCommand var parent: Program
  @OptionGroup var globals: GlobalOptions
  @OptionGroup var map: RelayMapOptions

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Ask this relay (https://host[:port] or http://host[:port]) instead of those of the map; may be repeated.",
      valueName: "url"))
  var derp: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The UDP port of that relay's STUN responder; the first goes with the first --derp.", valueName: "port")
  )
  var derpStun: [UInt16] = []

  func validate() throws {
    guard derpStun.count <= derp.count else {
      throw ValidationError("--derp-stun needs a --derp that it belongs to")
    }
  }

  func run() throws {
    let options = globals.merged(with: parent.globals)
    try exitWith(options) {
      let loop = try EventLoop()
      let relays = try NetcheckRelay.chosen(
        urls: derp, stunPorts: derpStun, map: map.derpMap, loop, SessionReporter(options))
      let check = NetcheckRun(loop, relays, survey: options.noPortmap ? nil : RouterSurvey())
      // Its callbacks hold it weakly.
      let outcome = try withExtendedLifetime(check) { try check.run() }
      let printout = NetcheckPrintout(outcome)
      Console.write(options.json ? printout.json + "\n" : printout.table, to: STDOUT_FILENO)
      return ExitStatus.success
    }
  }
}
