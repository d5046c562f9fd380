import Foundation
import Glibc

/// A home network, a router with miniupnpd, and an outside, each a network namespace of this host. All of it
/// goes with `close()`.
///
/// The router's outside address has to look public: miniupnpd serves nothing behind a reserved one, those of
/// documentation included. Nothing leaves the namespaces.
final class PortMappingLab {
  static let gateway = "10.77.0.1"
  static let inside = "10.77.0.2"
  static let external = "12.34.56.1"
  static let outside = "12.34.56.9"

  private let home: String
  private let router: String
  private let street: String
  private let folder: String
  private var daemon: Process?

  private static let daemonPath = "/usr/sbin/miniupnpd"

  /// Whether this process may make such a lab: root, the programs, and a kernel that lets it.
  static let isAvailable: Bool = {
    guard geteuid() == 0, access(daemonPath, X_OK) == 0, enter != nil else { return false }
    let name = uniqueName("try")
    guard (try? run("ip", "netns", "add", name)) != nil else { return false }
    defer { _ = try? run("ip", "netns", "del", name) }
    return (try? run("ip", "netns", "exec", name, "nft", "add", "table", "inet", "filter")) != nil
  }()

  struct CommandFailed: Error {
    var command: [String]
    var output: String
  }

  init() throws {
    home = Self.uniqueName("home")
    router = Self.uniqueName("router")
    street = Self.uniqueName("street")
    folder = "\(NSTemporaryDirectory())/\(router)"
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try wire()
      try filter()
      try startDaemon()
    } catch {
      close()
      throw error
    }
  }

  /// Ends the daemon, and removes the namespaces and files. Only what this lab made.
  func close() {
    if let daemon, daemon.isRunning {
      kill(daemon.processIdentifier, SIGKILL)
      daemon.waitUntilExit()
    }
    daemon = nil
    for name in [home, router, street] { _ = try? Self.run("ip", "netns", "del", name) }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// The router's forwarding rules that lead into the home, as nft prints them.
  func mappings() throws -> String {
    try Self.run(
      "ip", "netns", "exec", router, "nft", "list", "chain", "inet", "filter", "prerouting_miniupnpd")
  }

  /// Runs `body` on a thread whose new sockets and threads are at home; `body` gets a closure that makes a
  /// socket in the street. What it returns comes back.
  func atHome<Value: Sendable>(
    _ body: @escaping @Sendable (_ streetSocket: () -> Int32) throws -> Value
  ) throws -> Value {
    let (home, street) = (home, street)
    let outcome = Outcome<Value>()
    let thread = Thread {
      outcome.result = Result {
        try Self.move(to: home)
        return try body {
          guard (try? Self.move(to: street)) != nil else { return -1 }
          let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
          // A socket stays where it was made; the thread goes home.
          return (try? Self.move(to: home)) == nil ? -1 : descriptor
        }
      }
      outcome.finished.signal()
    }
    thread.start()
    outcome.finished.wait()
    guard let result = outcome.result else { throw CommandFailed(command: ["thread"], output: "no result") }
    return try result.get()
  }

  private final class Outcome<Value: Sendable>: @unchecked Sendable {
    let finished = DispatchSemaphore(value: 0)
    var result: Result<Value, any Error>?
  }

  // MARK: Parts

  private static func uniqueName(_ role: String) -> String {
    "dh-\(role)-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
  }

  /// `setns`, which the headers show to GNU sources only. It moves the calling thread.
  private static let enter: (@convention(c) (Int32, Int32) -> Int32)? = dlsym(nil, "setns").map {
    unsafeBitCast($0, to: (@convention(c) (Int32, Int32) -> Int32).self)
  }

  private static func move(to namespace: String) throws {
    let descriptor = open("/run/netns/\(namespace)", O_RDONLY | O_CLOEXEC)
    defer { Glibc.close(descriptor) }
    // CLONE_NEWNET of <sched.h>.
    guard descriptor >= 0, let enter, enter(descriptor, 0x4000_0000) == 0 else {
      throw CommandFailed(command: ["setns", namespace], output: String(cString: strerror(errno)))
    }
  }

  private func wire() throws {
    for name in [home, router, street] {
      try Self.run("ip", "netns", "add", name)
      try Self.run("ip", "-n", name, "link", "set", "lo", "up")
    }
    try Self.run(
      "ip", "-n", home, "link", "add", "uplink", "type", "veth", "peer", "name", "lan", "netns", router)
    try Self.run(
      "ip", "-n", router, "link", "add", "wan", "type", "veth", "peer", "name", "door", "netns", street)
    for (name, link, address) in [
      (home, "uplink", Self.inside), (router, "lan", Self.gateway), (router, "wan", Self.external),
      (street, "door", Self.outside),
    ] {
      try Self.run("ip", "-n", name, "address", "add", "\(address)/24", "dev", link)
      try Self.run("ip", "-n", name, "link", "set", link, "up")
    }
    try Self.run("ip", "-n", home, "route", "add", "default", "via", Self.gateway)
    try Self.run("ip", "netns", "exec", router, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
  }

  /// A usual home router: masquerade, nothing comes in uninvited. The chains named after miniupnpd are its own.
  private func filter() throws {
    let rules = """
      table inet filter {
        chain miniupnpd {}
        chain prerouting_miniupnpd {}
        chain postrouting_miniupnpd {}
        chain forward {
          type filter hook forward priority 0; policy drop;
          ct state established,related accept
          iifname "lan" accept
          jump miniupnpd
        }
        chain prerouting {
          type nat hook prerouting priority -100;
          jump prerouting_miniupnpd
        }
        chain postrouting {
          type nat hook postrouting priority 100;
          jump postrouting_miniupnpd
          oifname "wan" masquerade
        }
      }
      """
    try rules.write(toFile: "\(folder)/rules", atomically: true, encoding: .utf8)
    try Self.run("ip", "netns", "exec", router, "nft", "-f", "\(folder)/rules")
  }

  private func startDaemon() throws {
    let configuration = """
      ext_ifname=wan
      listening_ip=lan
      http_port=0
      enable_natpmp=yes
      enable_upnp=yes
      secure_mode=yes
      system_uptime=no
      ipv6_disable=yes
      uuid=6ba7b810-9dad-11d1-80b4-00c04fd430c8
      allow 1024-65535 10.77.0.0/24 1024-65535
      deny 0-65535 0.0.0.0/0 0-65535

      """
    try configuration.write(toFile: "\(folder)/configuration", atomically: true, encoding: .utf8)
    let process = Process()
    let errors = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    // `ip netns exec` becomes the daemon, so that its process is the one to end.
    process.arguments = [
      "ip", "netns", "exec", router, Self.daemonPath, "-d", "-f", "\(folder)/configuration", "-P",
      "\(folder)/pid",
    ]
    process.standardError = errors
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    daemon = process
    // The last thing that it says before it serves; nothing more comes when it ends before.
    var output = Data()
    while output.range(of: Data("Listening for NAT-PMP/PCP".utf8)) == nil {
      let data = errors.fileHandleForReading.availableData
      guard !data.isEmpty else {
        throw CommandFailed(command: ["miniupnpd"], output: String(decoding: output, as: UTF8.self))
      }
      output += data
    }
    // It goes on talking: a full pipe would stop it.
    errors.fileHandleForReading.readabilityHandler = {
      if $0.availableData.isEmpty { $0.readabilityHandler = nil }
    }
  }

  /// Runs a program to its end and returns what it printed; throws when it fails.
  @discardableResult
  private static func run(_ command: String...) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CommandFailed(command: command, output: text) }
    return text
  }
}
