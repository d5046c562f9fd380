import ArgumentParser
import Basics
import Reactor
import Relaying

/// `derprelay`: a DERP relay and STUN responder of one's own.
public struct RelayCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "derprelay",
    abstract: "A DERP relay with a STUN responder.",
    discussion: """
      Carries packets between clients that know each other's keys and learns nothing but keys and sizes. Serves \
      derphole and every other client of Tailscale's DERP protocol under http(s)://ADDRESS/derp. One line on \
      stderr says when it is ready. SIGTERM or SIGINT end it in good order: clients are told to come back.

      A relay that listens beyond loopback has caps by default: 20 MB/s a client, 40 MB/s, 64 connections and \
      5 new ones a second an address. A client beyond its rate is read from late, nothing is lost.

      Exit status: 0 after a stop in good order, 64 for a wrong command line, 66 for a key or certificate file \
      that cannot be used, 71 when an address cannot be bound or the system refuses something else.
      """)

  @Option(
    help: ArgumentHelp("Where clients connect; port 0 lets the system choose.", valueName: "address:port"))
  var listen = "127.0.0.1:3340"

  @Option(
    help: ArgumentHelp(
      "Where STUN requests are answered, by UDP. (default: port 3478 at the address of --listen)",
      valueName: "address:port"))
  var stun: String?

  @Flag(name: .customLong("no-stun"), help: "Answer no STUN requests.")
  var noSTUN = false

  @Option(
    help: ArgumentHelp("Serve TLS with this chain of certificates (PEM, leaf first).", valueName: "file"))
  var tlsCert: String?

  @Option(help: ArgumentHelp("The private key of the first certificate (PEM).", valueName: "file"))
  var tlsKey: String?

  @Option(
    help: ArgumentHelp(
      "Keep the relay's own key in this file, which is made when missing. (default: a new key each time)",
      valueName: "file"))
  var keyFile: String?

  @Option(
    help: ArgumentHelp(
      "Let only these keys join: one a line, 64 hex digits, 'nodekey:' before them or not, # for remarks.",
      valueName: "file"))
  var allowKeys: String?

  @Option(help: ArgumentHelp("The most connections at a time.", valueName: "count"))
  var maxConnections = 4_096

  @Option(
    help: ArgumentHelp(
      "The most connections of one address, 0 for no limit. (default: 64, on loopback none)",
      valueName: "count"))
  var addressConnections: Int?

  @Option(
    help: ArgumentHelp(
      "New connections a second of one address after its first 64, 0 for no limit. (default: 5, on loopback none)",
      valueName: "count"))
  var connectRate: Int?

  @Option(
    help: ArgumentHelp(
      "How much one client may send, in MB/s, 0 for no limit. (default: 20, on loopback none)",
      valueName: "rate"))
  var clientRate: Double?

  @Option(
    help: ArgumentHelp(
      "What the clients of one address may send together, in MB/s, 0 for no limit. (default: 40, on loopback none)",
      valueName: "rate"))
  var addressRate: Double?

  @Flag(help: "Print events on stderr, one JSON object a line.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print who comes and goes.")
  var verbose = false

  public init() {}

  public mutating func validate() throws {
    let address = try parse(listen, "--listen")
    if let stun { _ = try parse(stun, "--stun") }
    guard stun == nil || !noSTUN else { throw ValidationError("--stun and --no-stun exclude each other") }
    guard (tlsCert == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-cert and --tls-key belong together")
    }
    guard maxConnections >= 1 else { throw ValidationError("--max-connections must be at least 1") }
    for (value, name) in [(addressConnections, "--address-connections"), (connectRate, "--connect-rate")] {
      guard value ?? 0 >= 0 else { throw ValidationError("\(name) must not be negative") }
    }
    for (value, name) in [(clientRate, "--client-rate"), (addressRate, "--address-rate")] {
      guard (0...1e6).contains(value ?? 0) else {
        throw ValidationError("\(name) must lie between 0 and 1000000")
      }
    }
    _ = limits(listening: address)
  }

  public mutating func run() throws {
    let report = RelayReport(json: json, verbose: verbose)
    do throws(RelayFailure) {
      try RelayRun(self, report).run()
    } catch {
      report.failure(error.message)
      throw ExitCode(error.status)
    }
  }

  /// Where to listen and where to answer STUN requests.
  var addresses: (listen: SocketAddress, stun: SocketAddress?) {
    get throws(ReactorError) {
      let listen = try SocketAddress(parsing: listen)
      if noSTUN { return (listen, nil) }
      if let stun { return (listen, try SocketAddress(parsing: stun)) }
      var beside = listen
      beside.port = 3_478
      return (listen, beside)
    }
  }

  /// The relay's limits: caps where strangers come, unless told otherwise.
  func limits(listening address: SocketAddress) -> RelayConfiguration {
    var limits: RelayConfiguration = address.isLoopback ? .loopback : .exposed
    limits.maximumConnections = maxConnections
    if let addressConnections {
      limits.maximumConnectionsPerAddress = addressConnections == 0 ? nil : addressConnections
    }
    if let connectRate {
      limits.connectionRate = connectRate == 0 ? nil : RateLimit(perSecond: Int64(connectRate), burst: 64)
    }
    if let clientRate { limits.clientRate = Self.rate(clientRate) }
    if let addressRate { limits.addressRate = Self.rate(addressRate) }
    return limits
  }

  /// A rate in MB/s with a burst of one second, but of four of the largest packets at least.
  private static func rate(_ megabytes: Double) -> RateLimit? {
    guard megabytes > 0 else { return nil }
    let bytes = Int64(megabytes * 1e6)
    return RateLimit(perSecond: bytes, burst: max(bytes, 4 * 65_573))
  }

  private func parse(_ text: String, _ option: String) throws(ValidationError) -> SocketAddress {
    do {
      return try SocketAddress(parsing: text)
    } catch {
      throw ValidationError("\(option): \(error)")
    }
  }
}
