import Basics
import CNamespaces
import Glibc
import Reactor

/// What one run of a row took.
struct BenchSample {
  /// From the start of the last program to the end of the last one.
  var seconds = 0.0
  /// Payload bytes a second; the row's own figure where it has one.
  var bytesPerSecond = 0.0
  var usage: [BenchStep.Role: MeasuredProcess.Usage] = [:]
  /// What the sender's devices sent and received; nil on loopback.
  var wireBytes: Int?
  /// From the start of the last program to the first byte written at the destination.
  var firstByteSeconds: Double?
}

/// What the runs of a benchmark share: the place, the files and the programs.
final class BenchLaboratory {
  let place: BenchPlace
  let loop: EventLoop
  let programs: Programs
  let sizes: (large: Int, small: Int)
  private let target: String
  private let null: String
  private var started = 0
  private var nextPort = 20_000

  init(_ place: BenchPlace, _ loop: EventLoop, _ programs: Programs, largeBytes: Int) throws {
    self.place = place
    self.loop = loop
    self.programs = programs
    sizes = (largeBytes, 1_024)
    target = place.folder + "/target"
    null = place.folder + "/null"
    mkdir(target, 0o700)
    // A device of the bench's own, so that nobody else's first write is taken for the one that is waited for.
    // Without root there is only the common one, and no first byte for what goes there.
    if derphole_make_null(null) != 0 { unlink(null) }
    for (name, size) in [("large", sizes.large), ("small", sizes.small)] {
      try SystemCommand.run(["sh", "-c", "head -c \(size) /dev/urandom > \(place.folder)/\(name)"])
    }
    // Memory that no program of this machine has used yet is slow the first time, on virtual machines above all:
    // as much as the files will need is touched before, and given back but for the one that is kept.
    for name in ["out", "kept"] {
      try SystemCommand.run(["cp", place.folder + "/large", "\(target)/\(name)"])
    }
  }

  /// A shell text with everything filled in that is known before anything runs.
  private func fill(_ text: String, _ row: BenchRow, _ ports: (peer: Int, relay: Int)) -> String {
    let size = row.isSmall ? sizes.small : sizes.large
    return [
      ("{derp}", row.relay?.url ?? ""), ("{derphole}", programs.derphole),
      ("{derptun}", programs.derptun),
      ("{file}", place.folder + (row.isSmall ? "/small" : "/large")), ("{out}", target + "/out"),
      ("{kept}", target + "/kept"), ("{null}", access(null, F_OK) == 0 ? null : "/dev/null"),
      ("{host}", place.receiverAddress),
      ("{hostfromrelay}", place.namespace(.relay) == nil ? place.receiverAddress : "203.0.113.6"),
      ("{relay}", place.relayAddress), ("{port}", "\(ports.peer)"), ("{relayport}", "\(ports.relay)"),
      ("{localport}", "\(ports.relay + 10_000)"),
      ("{bytes}", "\(size)"), ("{scratch}", programs.scratch),
    ].reduce(text) { $0.replacing($1.0, with: $1.1) }
  }

  /// Runs a row once.
  func run(_ row: BenchRow) throws -> BenchSample {
    unlink(target + "/out")
    let ports = (peer: nextPort, relay: nextPort + 1)
    nextPort += 2
    var steps = row.steps
    if let relay = row.relay {
      let command = "\(programs.relay) --listen {relay}:{relayport} \(relay.options)"
      steps.insert(BenchStep(role: .relay, command: command), at: 0)
    }
    let size = row.isSmall ? sizes.small : sizes.large
    let patience = Interval.seconds(30 + Int64(size / 20_000_000))
    let run = BenchRun(self, patience)
    let wireBefore = try place.wireBytes()
    for (index, step) in steps.enumerated() {
      let isLast = index == steps.count - 1
      if isLast { try run.expectFirstWrite(target, null) }
      try run.start(step, fill(step.command, row, ports), awaiting: awaited(step, ports))
    }
    try run.finish()
    var sample = run.sample(size)
    if let before = wireBefore, let after = try place.wireBytes() { sample.wireBytes = after - before }
    try check(row, run, &sample)
    return sample
  }

  /// The ports at which somebody must listen before a step is of use.
  private func awaited(_ step: BenchStep, _ ports: (peer: Int, relay: Int)) -> [(Int, BenchStep.Role)] {
    let isServer = step.command.contains("LISTEN:") || step.command.contains("--listen ")
    var result: [(Int, BenchStep.Role)] = []
    if step.role != .receiver, step.command.contains("{port}") { result.append((ports.peer, .receiver)) }
    if step.role != .relay, !isServer, step.command.contains("{relayport}") || step.command.contains("{derp}")
    {
      result.append((ports.relay, .relay))
    }
    return result
  }

  /// Looks whether what arrived is what was sent, and whether the row measured what it says.
  private func check(_ row: BenchRow, _ run: BenchRun, _ sample: inout BenchSample) throws {
    let file = place.folder + (row.isSmall ? "/small" : "/large")
    for (placeholder, name) in [("{out}", "out"), ("{kept}", "kept")]
    where row.steps.contains(where: { $0.command.contains(placeholder) }) {
      try SystemCommand.run(["cmp", file, "\(target)/\(name)"])
    }
    let lines = run.lines
    if let summary = lines.firstIndex(where: { $0.contains("\"sum_received\"") }),
      let bits = lines[summary...].lazy.compactMap({ $0.jsonNumber("bits_per_second") }).first
    {
      sample.bytesPerSecond = bits / 8
    }
    guard let least = row.leastDirect, place.namespace(.sender) != nil else { return }
    let finished =
      lines.last { $0.contains("\"event\":\"finished\"") && $0.contains("\"directBytes\"") } ?? ""
    let direct = finished.jsonNumber("directBytes") ?? 0
    let share = direct / max(1, direct + (finished.jsonNumber("relayBytes") ?? 0))
    guard share >= least else { throw LabError("only \(Decimal.text(share * 100, 1)) % went directly") }
  }

  fileprivate func process(
    _ step: BenchStep, _ command: String, _ changed: @escaping () -> Void
  ) throws -> MeasuredProcess {
    started += 1
    let environment = [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=\(programs.scratch)",
      "SSL_CERT_FILE=\(programs.scratch)/cert.pem", "PYTHONUNBUFFERED=1", "LANG=C.UTF-8",
    ]
    return try MeasuredProcess(
      loop, command, in: place.namespace(step.role), environment: environment, scratch: programs.scratch,
      number: started, changed: changed)
  }
}

/// The programs of one run.
final class BenchRun {
  private let laboratory: BenchLaboratory
  private let deadline: Instant
  private var steps: [(role: BenchStep.Role, process: MeasuredProcess)] = []
  private var firstWrite: FirstWrite?
  private var startedAt = Instant.zero
  private var condition: (() -> Bool)?
  /// From now on it does not matter how a program ends.
  private var isEnding = false

  fileprivate init(_ laboratory: BenchLaboratory, _ patience: Interval) {
    self.laboratory = laboratory
    deadline = laboratory.loop.now + patience
  }

  /// All that was printed.
  var lines: [String] { steps.flatMap(\.process.lines) }

  fileprivate func expectFirstWrite(_ folder: String, _ device: String) throws {
    firstWrite = try FirstWrite(laboratory.loop, folder: folder, device: device)
  }

  /// Starts a step as soon as all that it needs is there.
  fileprivate func start(
    _ step: BenchStep, _ command: String, awaiting ports: [(Int, BenchStep.Role)]
  ) throws {
    for (port, role) in ports {
      let place = laboratory.place
      try wait("nobody listens at port \(port)", polling: true) {
        TCPPort.isListening(port, in: place.namespace(role))
      }
    }
    try wait("no word for \(command)") { [unowned self] in substituted(command) != nil }
    guard let text = substituted(command) else { return }
    startedAt = laboratory.loop.now
    steps.append((step.role, try laboratory.process(step, text) { [unowned self] in check() }))
  }

  /// Waits for sender and receiver, then ends the others.
  fileprivate func finish() throws {
    let peers = steps.filter { $0.role != .relay }.map(\.process)
    try wait("does not end") { peers.allSatisfy(\.isOver) }
    for step in steps where step.process.exitCode == nil { step.process.interrupt() }
    let all = steps
    isEnding = true
    try wait("the relay does not end") { all.allSatisfy { $0.process.isOver } }
    for process in peers where process.exitCode != 0 {
      throw LabError("exit code \(process.exitCode ?? -1): \(process.complaint)")
    }
  }

  fileprivate func sample(_ size: Int) -> BenchSample {
    var sample = BenchSample()
    let end = steps.filter { $0.role != .relay }.map(\.process.endedAt).max() ?? startedAt
    sample.seconds = (end - startedAt).inSeconds
    sample.bytesPerSecond = Double(size) / sample.seconds
    sample.firstByteSeconds = firstWrite?.at.map { ($0 - startedAt).inSeconds }
    for step in steps {
      sample.usage[step.role, default: .init()].seconds += step.process.usage.seconds
      let peak = max(sample.usage[step.role]?.peakBytes ?? 0, step.process.usage.peakBytes)
      sample.usage[step.role]?.peakBytes = peak
    }
    return sample
  }

  private func check() {
    let hasFailed = !isEnding && steps.contains { ($0.process.exitCode ?? 0) != 0 && $0.process.isOver }
    if condition?() == true || hasFailed { laboratory.loop.stop() }
  }

  /// Runs the loop until `condition` holds; throws when a program fails before, or none of it happens in time.
  private func wait(_ problem: String, polling: Bool = false, until condition: @escaping () -> Bool) throws {
    let loop = laboratory.loop
    while !condition() {
      if !isEnding, let failed = steps.first(where: { ($0.process.exitCode ?? 0) != 0 && $0.process.isOver })
      {
        throw LabError("exit code \(failed.process.exitCode ?? -1): \(failed.process.complaint)")
      }
      let said = steps.map(\.process.complaint).filter { !$0.isEmpty }.joined(separator: "; ")
      guard loop.now < deadline else { throw LabError("\(problem); \(said)") }
      self.condition = condition
      let timer = loop.makeTimer { loop.stop() }
      timer.arm(after: polling ? .milliseconds(5) : .milliseconds(500))
      loop.run()
      self.condition = nil
    }
  }

  /// The command with the words of earlier steps; nil while they are not there.
  private func substituted(_ command: String) -> String? {
    var command = command
    if command.contains("{token}") {
      // Ours says it in an event; others print a line that is one long word of base64.
      let isWord = { (line: String) in
        line.count >= 60 && line.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
      }
      guard let token = lines.lazy.compactMap({ isWord($0) ? $0 : $0.jsonMember("token") }).first
      else { return nil }
      command = command.replacing("{token}", with: token)
    }
    let opening = "{after:"
    guard let start = command.firstRange(of: opening) else { return command }
    guard let end = command[start.upperBound...].firstIndex(of: "}") else { return command }
    let key = command[start.upperBound..<end]
    for line in lines {
      let words = line.split(separator: " ")
      guard let index = words.firstIndex(of: key), index + 1 < words.count else { continue }
      // Nothing that a program prints may become a command.
      let word = words[index + 1].filter { $0.isLetter || $0.isNumber || "-_.:/".contains($0) }
      return command.replacingCharacters(start.lowerBound...end, by: word)
    }
    return nil
  }
}

extension String {
  /// The text with a range of it replaced.
  fileprivate func replacingCharacters(_ range: ClosedRange<Index>, by text: String) -> String {
    self[..<range.lowerBound] + text + self[index(after: range.upperBound)...]
  }
}
