/// One program of a row: a shell command in one of the namespaces.
///
/// Placeholders: {file} what is sent, {out} a new file to be made, {kept} a file that is there and as large already,
/// {null} a device that swallows everything, {host} the receiver's address, {port} a free port, {relay} the relay's
/// address, {bytes} the length; {after:WORD} is what follows WORD, and {token} the token, in what earlier programs of
/// the row printed.
struct BenchStep {
  enum Role: String, CaseIterable {
    case sender, receiver, relay
  }

  var role: Role
  var command: String
}

/// What is measured: programs that are started one after the other, each when it can be.
struct BenchRow {
  enum Group: String {
    case baseline, ours
  }

  var name: String
  var group: Group
  /// Whether one kibibyte is sent instead of the large file.
  var isSmall = false
  /// The steps in the order of starting. A step waits for the words that it takes from earlier ones, and for
  /// whoever is to listen at {port}. The clock starts with the last step.
  var steps: [BenchStep]
  /// The relay that the row needs besides.
  var relay: BenchRelay?
  /// A program that must exist.
  var needs: String?
  /// Ours: least share of payload that must have gone directly for the row to be what it says.
  var leastDirect: Double?

  func needing(_ program: String) -> BenchRow {
    var row = self
    row.needs = program
    return row
  }
}

/// How `derprelay` is started.
enum BenchRelay {
  case plain, tls

  var options: String {
    let free = "--no-stun --client-rate 0 --address-rate 0 --connect-rate 0 --address-connections 0"
    return switch self {
    case .plain: free
    case .tls: free + " --tls-cert {scratch}/cert.pem --tls-key {scratch}/key.pem"
    }
  }

  var url: String {
    switch self {
    case .plain: "http://{relay}:{relayport}"
    case .tls: "https://{relay}:{relayport}"
    }
  }
}

extension BenchRow {
  /// Programs that others made.
  static var baselines: [BenchRow] {
    [
      BenchRow(
        name: "iperf3, TCP", group: .baseline,
        steps: [
          BenchStep(role: .receiver, command: "iperf3 --server --one-off --port {port}"),
          BenchStep(
            role: .sender, command: "iperf3 --client {host} --port {port} --bytes {bytes} --json"),
        ]
      ).needing("iperf3"),
      BenchRow(
        name: "socat, file to file", group: .baseline,
        steps: [
          BenchStep(
            role: .receiver, command: "socat -u -b 262144 TCP-LISTEN:{port},reuseaddr OPEN:{kept},wronly"),
          BenchStep(role: .sender, command: "socat -u -b 262144 OPEN:{file},rdonly TCP:{host}:{port}"),
        ]
      ).needing("socat"),
      BenchRow(
        name: "socat, two hops", group: .baseline,
        steps: [
          BenchStep(
            role: .receiver, command: "socat -u -b 262144 TCP-LISTEN:{port},reuseaddr OPEN:{null},wronly"),
          BenchStep(
            role: .relay,
            command: "socat -u -b 262144 TCP-LISTEN:{relayport},reuseaddr TCP:{hostfromrelay}:{port}"),
          BenchStep(role: .sender, command: "socat -u -b 262144 OPEN:{file},rdonly TCP:{relay}:{relayport}"),
        ]
      ).needing("socat"),
      wormhole, small(wormhole),
      small(
        BenchRow(
          name: "socat", group: .baseline,
          steps: [
            BenchStep(
              role: .receiver, command: "socat -u TCP-LISTEN:{port},reuseaddr OPEN:{out},wronly,creat"),
            BenchStep(role: .sender, command: "socat -u OPEN:{file},rdonly TCP:{host}:{port}"),
          ]
        ).needing("socat")),
    ]
  }

  /// Both ends meet at a mailbox server of the bench's own, which runs where the relay would.
  private static var wormhole: BenchRow {
    let meet = "wormhole --relay-url ws://{relay}:{relayport}/v1 --transit-helper tcp:{relay}:1"
    return BenchRow(
      name: "magic-wormhole, file", group: .baseline,
      steps: [
        BenchStep(
          role: .relay,
          command: "cd {scratch} && exec python3 -m twisted wormhole-mailbox --port tcp:{relayport}"
            + " --channel-db :memory:"),
        BenchStep(role: .sender, command: "\(meet) send --hide-progress {file}"),
        BenchStep(
          role: .receiver,
          command: "\(meet) receive --accept-file --hide-progress --output-file {out} {after:receive}"),
      ]
    ).needing("wormhole")
  }

  /// Our own programs. Files once there is a command for them.
  static func ours(hasSend: Bool) -> [BenchRow] {
    let file = BenchRow(
      name: "derphole send, receive", group: .ours,
      steps: [
        BenchStep(role: .sender, command: "{derphole} --hide-progress send --derp {derp} {file}"),
        BenchStep(
          role: .receiver, command: "{derphole} --hide-progress receive --yes -o {out} {after:receive}"),
      ], relay: .plain)
    let stream = stream("derphole pipe < file", sender: "{pipe} {token} < {file}")
    return (hasSend ? [file] : []) + [
      stream,
      Self.stream("cat file to derphole pipe", sender: "cat {file} | {pipe} {token}"),
      Self.stream("derphole pipe, relay only", receiver: "--force-relay", leastDirect: nil),
      Self.stream("derphole pipe, TLS relay only", receiver: "--force-relay", relay: .tls, leastDirect: nil),
      shared("derphole share, open", leastDirect: 0.9),
      shared("derphole share, open, relay only", options: "--force-relay"),
      tunnel("derptun serve, open"),
      tunnel("derptun serve, open, relay only", options: "--force-relay"),
    ] + (hasSend ? [small(file)] : []) + [
      small(Self.stream("derphole pipe < file", target: "{out}", leastDirect: nil))
    ]
  }

  private static func stream(
    _ name: String, sender: String = "{pipe} {token} < {file}", receiver: String = "",
    target: String = "{null}", relay: BenchRelay = .plain, leastDirect: Double? = 0.9
  ) -> BenchRow {
    BenchRow(
      name: name, group: .ours,
      steps: [
        BenchStep(
          role: .receiver,
          command: "{derphole} --json --hide-progress listen --derp {derp} \(receiver) > \(target)"),
        BenchStep(
          role: .sender,
          command: sender.replacing("{pipe}", with: "{derphole} --json --hide-progress pipe")),
      ], relay: relay, leastDirect: leastDirect)
  }

  /// One connection through a shared service. `socat` at both ends costs what it costs without us, and its processor
  /// time is counted with ours. The session ends when the service has everything.
  private static func shared(_ name: String, options: String = "", leastDirect: Double? = nil) -> BenchRow {
    BenchRow(
      name: name, group: .ours,
      steps: [
        BenchStep(
          role: .receiver,
          command:
            "socat -u -b 262144 TCP-L:{port},reuseaddr,bind=127.0.0.1 OPEN:{null},wronly & service=$!;"
            + " {derphole} --json --hide-progress share {port} --derp {derp} \(options) & share=$!;"
            + " wait $service; kill -INT $share; wait $share; true"),
        BenchStep(
          role: .sender,
          command: "{derphole} --json --hide-progress open {token} 127.0.0.1:{localport} & open=$!;"
            + " socat -u -b 262144 OPEN:{file},rdonly TCP:127.0.0.1:{localport},retry=500,interval=0.01; wait $open"
        ),
      ], relay: .plain, leastDirect: leastDirect
    ).needing("socat")
  }

  /// One connection through a tunnel, which is left standing until both ends of the connection are over.
  private static func tunnel(_ name: String, options: String = "") -> BenchRow {
    BenchRow(
      name: name, group: .ours,
      steps: [
        BenchStep(
          role: .receiver,
          command:
            "socat -u -b 262144 TCP-L:{port},reuseaddr,bind=127.0.0.1 OPEN:{null},wronly & service=$!;"
            + " {derptun} --json \(options) serve --tcp {port} --derp {derp} & serve=$!;"
            + " wait $service; kill -TERM $serve; wait $serve; true"),
        BenchStep(
          role: .sender,
          command:
            "{derptun} --json \(options) open --token {token} --listen 127.0.0.1:{localport} & open=$!;"
            + " socat -t 60 -b 262144 OPEN:{file},rdonly TCP:127.0.0.1:{localport},retry=500,interval=0.01;"
            + " kill -TERM $open; wait $open; true"),
      ], relay: .plain
    ).needing("socat")
  }

  /// The same with one kibibyte.
  private static func small(_ row: BenchRow) -> BenchRow {
    var row = row
    row.isSmall = true
    return row
  }

  /// Rows from the outside, one a line: `NAME: FIRST => SECOND [=> THIRD]`. A command's role follows from its
  /// placeholders: with {file} it is the sender, with {out}, {kept} or {null} the receiver; `relay@COMMAND` runs at
  /// the relay, and so do `sender@` and `receiver@` where they say.
  static func others(_ text: String) throws -> [BenchRow] {
    try text.split(separator: "\n").map { line in
      guard let colon = line.firstIndex(of: ":") else { throw LabError("no name before a colon: \(line)") }
      let commands = line[line.index(after: colon)...].split(
        separator: " => ", omittingEmptySubsequences: false)
      guard commands.count > 1 else { throw LabError("no second command after ` => `: \(line)") }
      return BenchRow(
        name: String(line[..<colon]), group: .baseline,
        steps: try commands.map { try step(String($0)) })
    }
  }

  private static func step(_ text: String) throws -> BenchStep {
    var command = Substring(text).drop { $0 == " " }
    for role in BenchStep.Role.allCases where command.hasPrefix("\(role.rawValue)@") {
      command = command.dropFirst(role.rawValue.count + 1)
      return BenchStep(role: role, command: String(command))
    }
    if command.contains("{file}") { return BenchStep(role: .sender, command: String(command)) }
    guard ["{out}", "{kept}", "{null}"].contains(where: { command.contains($0) }) else {
      throw LabError("neither {file} nor {out}, {kept} or {null} in: \(text)")
    }
    return BenchStep(role: .receiver, command: String(command))
  }
}
