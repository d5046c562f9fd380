import ArgumentParser
import Basics
import Crypto
import Engine
import Glibc
import Reactor
import Wire

/// `derphole listen`: issues a token and writes what arrives to standard output.
struct ListenCommand: ParsableCommand {
  /// How long an unclaimed token is good for, in seconds.
  static let tokenLifetimeSeconds: Int64 = 3_600

  static let configuration = CommandConfiguration(
    commandName: "listen",
    abstract: "Print a token, then write what its holder sends to standard output.",
    discussion: """
      Example: derphole listen > received.img

      The token goes to standard error, so that standard output carries nothing but payload. It is good for one \
      hour and one sender.
      """)

  @ParentCommand var parent: DerpholeCommand
  @OptionGroup var globals: GlobalOptions
  @OptionGroup var map: RelayMapOptions

  @Flag(name: .long, help: "Print the token as the first line of standard output, and not on standard error.")
  var printTokenOnly = false

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("Write payload to a new file instead of standard output.", valueName: "file"))
  var output: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Meet at this relay (https://host[:port] or http://host[:port]); the token tells the other side.",
      valueName: "url"))
  var derp: String?

  @Option(name: .long, help: ArgumentHelp("The UDP port of that relay's STUN responder.", valueName: "port"))
  var derpStun: UInt16?

  func run() throws {
    let options = globals.merged(with: parent.globals)
    try exitWith(options) {
      let reporter = SessionReporter(options)
      let loop = try EventLoop()
      let relay = try RelayTarget.forNewToken(
        url: derp, stunPort: derpStun, map: map.derpMap, loop, reporter)
      var random = SecureRandom()
      let derpKey = X25519PrivateKey(random: &random)
      let token = makeToken(relay, derpKey: derpKey, random: &random)
      let file = try output.map { path throws(CommandFailure) in try Self.newFile(path) }
      var configuration = SessionConfiguration(
        role: .acceptor(expiresAt: loop.now + .seconds(Self.tokenLifetimeSeconds)), token: token,
        derpKey: derpKey, flow: .receives, relayHost: relay.hostHeader)
      configuration.isRelayOnly = options.forceRelay
      configuration.ciphers = CipherSpeed.choice(loop)
      let session = Session(configuration, random: random, at: loop.now)
      reporter.invitation = Invitation(token: token.encoded(), use: .pipe, isTokenOnly: printTokenOnly)
      let payload = try CommandFailure.using { () throws(FileError) in
        guard let file, let output else {
          return try StreamOutput(loop, descriptor: STDOUT_FILENO, name: "standard output")
        }
        return try StreamOutput(loop, descriptor: file.descriptor, name: output) { () throws(FileError) in
          try file.commit()
        }
      }
      let status = SessionRunner(loop, session, reporter: reporter).run(
        relay: relay.endpoint, direct: relay.directPaths(options, portMapping: reporter.portMapping(loop)),
        output: payload)
      file?.discard()
      return status
    }
  }

  private static func newFile(_ path: String) throws(CommandFailure) -> PartialFile {
    do {
      return try PartialFile(path: path)
    } catch {
      throw CommandFailure("cannot create \(error)", status: ExitStatus.localInputOutput)
    }
  }

  private func makeToken(
    _ relay: RelayTarget, derpKey: X25519PrivateKey, random: inout SecureRandom
  ) -> SessionToken {
    var capabilities: TokenCapabilities = [.stdio, .native]
    if relay.isPlainHTTP { capabilities.insert(.plainHTTP) }
    let words = Bytes32(words: (random.next(), random.next(), random.next(), random.next()))
    return SessionToken(
      sessionID: Bytes16(high: random.next(), low: random.next()),
      expiresUnixSeconds: Int64(time(nil)) + Self.tokenLifetimeSeconds,
      bootstrapRegion: relay.region, derpPublic: derpKey.publicKey,
      quicPublic: Ed25519Identity(random: &random).publicKey, bearerSecret: words,
      capabilities: capabilities, route: relay.route)
  }
}
