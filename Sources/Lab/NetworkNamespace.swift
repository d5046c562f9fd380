import ArgumentParser
import CNamespaces
import Glibc

/// A network namespace of the lab, under a name in the lab's own /run/netns.
///
/// Everything inside it is done by entering it for a moment: sockets and processes stay in the namespace in which
/// they were made. The lab has one thread, so nobody else is moved along.
final class NetworkNamespace {
  /// Its name.
  let name: String
  private let descriptor: Int32
  private let home: Int32

  /// Makes a namespace with a working loopback device.
  init(_ name: String) throws {
    self.name = name
    try SystemCommand.run(["ip", "netns", "add", name])
    descriptor = open("/run/netns/\(name)", O_RDONLY | O_CLOEXEC)
    home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0, home >= 0 else { throw LabError.system("open namespace \(name)") }
    try ip(["link set lo up"])
  }

  deinit {
    close(descriptor)
    close(home)
    // What still runs in it keeps it alive without a name; the lab ends that first.
    try? SystemCommand.run(["ip", "netns", "del", name])
  }

  /// Runs `body` inside.
  func inside<R>(_ body: () throws -> R) throws -> R {
    guard derphole_enter_network(descriptor) == 0 else { throw LabError.system("enter namespace \(name)") }
    defer {
      // Without the way back nothing that follows would be where it should.
      if derphole_enter_network(home) != 0 { fatalError("cannot leave namespace \(name)") }
    }
    return try body()
  }

  /// Runs lines of `ip`, such as `link set lo up`, in one go.
  func ip(_ lines: [String]) throws {
    try SystemCommand.run(
      ["ip", "-netns", name, "-batch", "-"], input: lines.map { $0 + "\n" }.joined())
  }

  /// Adds rules in nftables' own language.
  func nft(_ rules: String) throws {
    try inside { try SystemCommand.run(["nft", "-f", "-"], input: rules) }
  }

  /// What `nft` prints.
  func nftOutput(_ arguments: [String]) throws -> String {
    try inside { try SystemCommand.output(of: ["nft"] + arguments) }
  }

  /// Sets a variable of the network stack, such as `ipv4/ip_forward`.
  func set(_ variable: String, _ value: String) throws {
    try inside {
      let file = open("/proc/sys/net/\(variable)", O_WRONLY | O_CLOEXEC)
      guard file >= 0 else { throw LabError.system("open /proc/sys/net/\(variable)") }
      defer { close(file) }
      guard write(file, value, value.utf8.count) == value.utf8.count else {
        throw LabError.system("write /proc/sys/net/\(variable)")
      }
    }
  }

  /// Forwards packets between its devices, for both families.
  func makeRouter() throws {
    try set("ipv4/ip_forward", "1")
    try set("ipv6/conf/all/forwarding", "1")
  }

  /// Does once what the lab needs: a namespace, a device pair, a TUN device and NAT rules; status 77 when that is
  /// refused.
  static func checkEverything() throws {
    do {
      let probe = try NetworkNamespace("probe")
      try probe.ip(["link add one type veth peer name two"])
      try probe.makeRouter()
      try probe.nft(NATRules.masquerade("masquerade", wan: "one"))
      let tun = try probe.inside { derphole_open_tun("tun0") }
      guard tun >= 0 else { throw LabError.system("/dev/net/tun") }
      close(tun)
    } catch {
      Output.error("not possible here: \(error)")
      throw ExitCode(LabStatus.impossible)
    }
  }
}

/// What the kernel tells of TCP ports.
enum TCPPort {
  /// Whether somebody listens at a port of a namespace, or of where the lab is.
  static func isListening(_ port: Int, in namespace: NetworkNamespace?) -> Bool {
    let read = { ["tcp", "tcp6"].map { (try? TextFile.read("/proc/self/net/\($0)")) ?? "" }.joined() }
    let table = (try? namespace.map { try $0.inside(read) } ?? read()) ?? ""
    let digits = String(port, radix: 16, uppercase: true)
    let wanted = ":" + String(repeating: "0", count: 4 - digits.count) + digits
    return table.split(separator: "\n").contains { line in
      let words = line.split(separator: " ")
      // 0A is LISTEN.
      return words.count > 3 && words[1].hasSuffix(wanted) && words[3] == "0A"
    }
  }
}
