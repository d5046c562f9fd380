import ArgumentParser
import Basics
import CNamespaces
import Glibc

/// `lab delay-line`: the process that joins two namespaces by a slow link. Started by the lab itself.
struct DelayLineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delay-line", abstract: "Join two namespaces by a link with a delay.", shouldDisplay: false)

  @Argument(help: "The two ends, each as namespace:device.")
  var ends: [String]

  @Option(help: "One way, in microseconds.")
  var microseconds: Int64

  @Option(help: "Lost packets of 10,000.")
  var loss = 0

  @Option(help: "The seed of the losses.")
  var seed: UInt64 = 1

  func run() throws {
    _ = derphole_die_with_parent()
    guard ends.count == 2 else { throw ValidationError("a line has two ends") }
    let devices = try ends.map(Self.open)
    // Whoever started this waits for the line before it gives the devices their addresses.
    Output.line("ready")
    var line = DelayLine(
      between: devices[0], and: devices[1], delay: .microseconds(microseconds), lossPer10000: loss, seed: seed
    )
    try line.run()
  }

  private static func open(_ end: String) throws -> Int32 {
    let words = end.split(separator: ":").map(String.init)
    guard words.count == 2 else { throw ValidationError("an end is namespace:device, not \(end)") }
    let namespace = Glibc.open("/run/netns/\(words[0])", O_RDONLY | O_CLOEXEC)
    guard namespace >= 0, derphole_enter_network(namespace) == 0 else {
      throw LabError.system("enter \(words[0])")
    }
    close(namespace)
    let device = derphole_open_tun(words[1])
    guard device >= 0 else { throw LabError.system("/dev/net/tun") }
    return device
  }
}
