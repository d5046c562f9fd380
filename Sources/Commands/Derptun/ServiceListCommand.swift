import ArgumentParser
import Glibc
import Wire

/// `derptun service list`: which names there are.
struct ServiceListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Print a line for each name: name, kind, expiry, separated by tabs. Tokens are not shown.",
    discussion: "What has expired is left out.")

  @ParentCommand var parent: ServiceCommand
  @OptionGroup var format: JSONOption
  @OptionGroup var place: RegistryOption

  func run() throws {
    let options = format.merged(with: parent.parent.globals)
    try exitWith(options) {
      let records = try Services(registry: place.registry).tokens(nowUnixSeconds: Int64(time(nil)))
      try StandardOutput.write(
        options.json ? Self.json(records) + "\n" : records.map { Self.line($0) + "\n" }.joined())
      return ExitStatus.success
    }
  }

  /// A line as upstream's program prints it.
  static func line(_ record: ServiceRecord) -> String {
    [record.name, record.kind, expiry(record) ?? "no-expiry", "value redacted"].joined(separator: "\t")
  }

  /// All records as one array on one line.
  static func json(_ records: [ServiceRecord]) -> String {
    let objects = records.map { record in
      var object = JSONMembers()
      object.add("name", record.name)
      object.add("kind", record.kind)
      object.add("created", Timestamp.text(record.createdUnixSeconds))
      object.add("expires", expiry(record))
      return object.text
    }
    return "[\(objects.joined(separator: ","))]"
  }

  private static func expiry(_ record: ServiceRecord) -> String? {
    let seconds = record.expiresUnixSeconds
    return seconds == 0 ? nil : Timestamp.text(seconds) ?? "\(seconds) seconds after 1970"
  }
}
