import Glibc

/// Two real relays with STUN in a topology's relay namespace, and a map that names them.
///
/// Clients learn both STUN responders from the map alone, as they do in the world: `--derp-map`.
final class Relays {
  /// The map's file.
  let mapFile: String
  /// The environment of a client: it trusts the relays' certificate and keeps its files in the scratch folder.
  let environment: [String]
  private var processes: [pid_t] = []
  private var readers: [Int32] = []

  private let families: (ipv4: Bool, ipv6: Bool)

  /// Starts the relays; returns when they listen. With IPv6 only they are met by IPv6, otherwise by IPv4, and
  /// STUN is there in every family that a site has.
  init(_ topology: Topology, _ programs: Programs, ipv4: Bool, ipv6: Bool) throws {
    families = (ipv4, ipv6)
    mapFile = programs.scratch + "/map.json"
    environment = [
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=\(programs.scratch)",
      "SSL_CERT_FILE=\(programs.scratch)/cert.pem",
    ]
    do {
      try startAll(topology, programs)
      try writeMap(ipv4: ipv4, ipv6: ipv6)
    } catch {
      stop()
      throw error
    }
  }

  deinit { stop() }

  /// All of them end at once.
  func kill() { stop() }

  /// They are there again, with other keys.
  func restart(_ topology: Topology, _ programs: Programs) throws { try startAll(topology, programs) }

  private func startAll(_ topology: Topology, _ programs: Programs) throws {
    for index in 0..<2 {
      let addresses =
        (families.ipv4 ? [Topology.relayIPv4[index]] : [])
        + (families.ipv6 ? ["[\(Topology.relayIPv6[index])]"] : [])
      for (number, address) in addresses.enumerated() {
        // A relay has one address to listen at; the other family's process only answers STUN.
        let listen = number == 0 ? "\(address):443" : "127.0.0.1:0"
        try start(
          [
            programs.relay, "--listen", listen, "--stun", "\(address):3478", "--client-rate", "0",
            "--address-rate", "0", "--connect-rate", "0", "--address-connections", "0",
            "--tls-cert", "\(programs.scratch)/cert.pem", "--tls-key", "\(programs.scratch)/key.pem",
          ], in: topology.relay)
      }
    }
  }

  private func stop() {
    for process in processes { ChildProcess.end(process) }
    for reader in readers { close(reader) }
    processes = []
    readers = []
  }

  private func start(_ arguments: [String], in namespace: NetworkNamespace) throws {
    let (reader, writer) = try Pipe.make()
    readers.append(reader)
    do {
      defer { close(writer) }
      processes.append(try namespace.inside { try ChildProcess.spawn(arguments, standardError: writer) })
    }
    // Its first line says that it listens, or why it does not.
    var buffer = [UInt8](repeating: 0, count: 4_096)
    let text = String(decoding: buffer[..<max(0, read(reader, &buffer, buffer.count))], as: UTF8.self)
    guard text.contains("listening") else { throw LabError("no relay: \(text)") }
  }

  private func writeMap(ipv4: Bool, ipv6: Bool) throws {
    let regions = (0..<2).map { index in
      let region = index + 1
      let node = """
        {"Name":"\(region)a","RegionID":\(region),"HostName":"relay-\(region).lab",\
        "IPv4":"\(ipv4 ? Topology.relayIPv4[index] : "none")",\
        "IPv6":"\(ipv6 ? Topology.relayIPv6[index] : "none")"}
        """
      return """
        "\(region)":{"RegionID":\(region),"RegionCode":"lab\(region)","RegionName":"Lab \(region)","Nodes":[\(node)]}
        """
    }
    try Programs.write("{\"Regions\":{\(regions.joined(separator: ","))}}\n", to: mapFile)
  }
}

/// The programs under test and the lab's scratch folder.
struct Programs {
  /// The release programs.
  let derphole: String
  let derptun: String
  let relay: String
  /// A folder in memory that nobody outside of the lab sees.
  let scratch: String

  /// Looks beside the lab's own program, or in `folder`, and makes the relays' certificate.
  init(folder: String?, scratch: String = "/run/netns/scratch") throws {
    self.scratch = scratch
    var own = [CChar](repeating: 0, count: 4_096)
    let length = readlink("/proc/self/exe", &own, own.count)
    let path = String(decoding: own[..<max(0, length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let folder = folder ?? String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    derphole = folder + "/derphole"
    derptun = folder + "/derptun"
    relay = folder + "/derprelay"
    for program in [derphole, derptun, relay] where access(program, X_OK) != 0 {
      throw LabError("\(program) is missing: run make build")
    }
    mkdir(scratch, 0o700)
    try SystemCommand.run([
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
      "2",
      "-subj", "/CN=relay-1.lab", "-addext",
      "subjectAltName=DNS:relay-1.lab,DNS:relay-2.lab,IP:\(Topology.relayIPv4[0]),IP:127.0.0.1", "-keyout",
      scratch + "/key.pem", "-out", scratch + "/cert.pem",
    ])
  }

  /// Writes a small file.
  static func write(_ text: String, to path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw LabError.system("create \(path)") }
    defer { close(file) }
    guard Glibc.write(file, text, text.utf8.count) == text.utf8.count else {
      throw LabError.system("write \(path)")
    }
  }
}
