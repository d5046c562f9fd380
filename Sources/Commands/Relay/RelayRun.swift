import Basics
import Crypto
import Glibc
import Reactor
import Relaying

/// Why the relay could not run: one line and the exit status.
struct RelayFailure: Error {
  let message: String
  let status: Int32

  /// A file that is missing, unreadable or malformed (EX_NOINPUT).
  static func file(_ message: String) -> RelayFailure { RelayFailure(message: message, status: 66) }

  /// The system refused something (EX_OSERR).
  static func system(_ error: ReactorError) -> RelayFailure {
    RelayFailure(message: error.description, status: 71)
  }
}

/// One run of the relay, from its files to its end.
struct RelayRun {
  private let command: RelayCommand
  private let report: RelayReport

  init(_ command: RelayCommand, _ report: RelayReport) {
    self.command = command
    self.report = report
  }

  func run() throws(RelayFailure) {
    var random = SystemRandomNumberGenerator()
    let key = try RelayFiles.key(command.keyFile, &random)
    let credentials = try credentials(for: key.publicKey)
    do {
      let (listen, stun) = try command.addresses
      var limits = command.limits(listening: listen)
      limits.maximumConnections = min(limits.maximumConnections, RelayHost.raiseOpenFiles())
      if let path = command.allowKeys { limits.allowedKeys = try RelayFiles.allowedKeys(path) }
      let loop = try EventLoop()
      let host = try RelayHost(
        loop,
        RelayHost.Options(listen: listen, stun: stun, credentials: credentials, configuration: limits),
        key: key, generator: random, noted: report.note)
      serve(host, on: loop, isTLS: credentials != nil)
    } catch let error as RelayFailure {
      throw error
    } catch let error as ReactorError {
      throw .system(error)
    } catch {
      throw RelayFailure(message: "\(error)", status: 71)
    }
  }

  private func serve(_ host: RelayHost, on loop: EventLoop, isTLS: Bool) {
    var isStopping = false
    let signals = [SIGTERM, SIGINT].map { number in
      loop.onSignal(number) {
        // A second signal does not wait for the clients.
        guard !isStopping else { return loop.stop() }
        isStopping = true
        report.stopping(host)
        host.stop { loop.stop() }
      }
    }
    // Who reads this line may send a signal at once.
    report.ready(host, isTLS: isTLS)
    loop.run()
    for signal in signals { signal.cancel() }
    report.stopped(host.counters)
  }

  /// The certificates that were asked for, with one that tells clients the relay's key in advance ("fast
  /// start": they can then speak first).
  private func credentials(for key: Bytes32) throws(RelayFailure) -> TLSServerCredentials? {
    guard let certificate = command.tlsCert, let privateKey = command.tlsKey else { return nil }
    let meta: [UInt8]
    do {
      meta = try SelfSignedCertificate.make(commonName: "derpkey\(key.hex)", serial: [2], days: 3_650)
    } catch {
      throw .system(error)
    }
    do {
      return try TLSServerCredentials(certificateFile: certificate, keyFile: privateKey, appending: [meta])
    } catch {
      throw .file(error.description)
    }
  }
}
