import Basics
import Engine
import Glibc
import Reactor
import Wire

/// What a tunnel that runs for long tells others on its machine: the control socket and the metrics.
final class TunnelOperation {
  /// A text for people about what last went wrong.
  var lastError = ""

  private let loop: EventLoop
  private let role: TunnelStatus.Role
  private let name: String
  private let startedAt: Instant
  private let startedUnixSeconds = Int64(time(nil))
  private let fill: () -> TunnelStatus
  private var control: ControlServer?
  private var metrics: MetricsServer?

  /// A control socket that cannot be had is only worth a warning: the tunnel works without it.
  init(
    _ loop: EventLoop, _ role: TunnelStatus.Role, _ options: OperationOptions, _ reporter: SessionReporter,
    fill: @escaping () -> TunnelStatus
  ) throws(CommandFailure) {
    self.loop = loop
    self.role = role
    self.fill = fill
    name = options.name ?? ControlDirectory.defaultName(role)
    startedAt = loop.now
    do throws(ReactorError) {
      let directory = try ControlDirectory.prepared(at: ControlDirectory.defaultPath())
      control = try ControlServer(loop, directory, name: name) { [unowned self] in status() }
    } catch {
      if options.name != nil { throw CommandFailure(error.description, status: ExitStatus.failure) }
      reporter.warning("`derptun status` will not see this process: \(error)")
    }
    if let text = options.metrics { try serveMetrics(text, reporter) }
  }

  private func serveMetrics(_ text: String, _ reporter: SessionReporter) throws(CommandFailure) {
    guard case .tcp(let host, let port)? = ServiceAddress(text),
      let address = SocketAddress(literal: host == "localhost" ? "127.0.0.1" : host, port: port)
    else {
      throw CommandFailure("--metrics takes an address such as 127.0.0.1:9100", status: ExitStatus.usage)
    }
    let server = try CommandFailure.reacting { () throws(ReactorError) in
      try MetricsServer(loop, address) { [unowned self] in status() }
    }
    metrics = server
    reporter.line("metrics at http://\(server.address)/metrics")
  }

  private func status() -> TunnelStatus {
    var status = fill()
    status.name = name
    status.role = role
    status.pid = getpid()
    status.startedUnixSeconds = startedUnixSeconds
    status.uptimeSeconds = Int64((loop.now - startedAt).inSeconds)
    status.lastError = lastError
    return status
  }

  func close() {
    control?.close()
    metrics?.close()
  }
}

extension TunnelStatus.Client {
  /// What a session says about itself.
  mutating func fill(
    _ report: PathReport?, _ statistics: SessionStatistics, _ counts: StreamHost.Counts, relay: String
  ) {
    if case .direct(let direct)? = report?.path {
      path = .direct
      address = direct.remote.description
    } else {
      path = .relay
      address = relay
    }
    roundTripMicroseconds = statistics.roundTrip?.inMicroseconds
    bytesIn = counts.bytesReceived
    bytesOut = counts.bytesSent
    connections = counts.open
    connectionsTotal = counts.total
  }

  mutating func fill(_ datagrams: DatagramForwarding?) {
    udpFlows = datagrams?.open ?? 0
    datagramsTooLarge = datagrams?.tooLarge ?? 0
  }

  mutating func fill(_ rates: TrafficSampler.Rates) {
    bytesPerSecondIn = rates.bytesIn
    bytesPerSecondOut = rates.bytesOut
  }
}

extension CommandFailure {
  /// Runs `body`; what the system refuses is a failure of this command.
  static func reacting<Result>(_ body: () throws(ReactorError) -> Result) throws(CommandFailure) -> Result {
    do {
      return try body()
    } catch {
      throw CommandFailure(error.description, status: ExitStatus.failure)
    }
  }
}
