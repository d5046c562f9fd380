import Glibc
import Wire

/// The file of the service registry.
public struct ServiceRegistryFile: Sendable {
  /// Where it is.
  public let path: String
  private let folder: String
  private let name: String
  private let kind: PrivateFolder.Kind

  /// A file that the user named.
  public init(path: String) { self.init(path: path, .named) }

  private init(path: String, _ kind: PrivateFolder.Kind) {
    self.path = path
    self.kind = kind
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    name = String(parts.last ?? "")
    let folder = parts.dropLast().joined(separator: "/")
    self.folder = parts.count == 1 ? "." : folder.isEmpty ? "/" : folder
  }

  /// `$XDG_CONFIG_HOME/derphole/services.json`, or below `~/.config`; nil when the environment names neither.
  public static func standard() -> ServiceRegistryFile? {
    func folder(_ variable: String) -> String? {
      ProxyChoice.environmentVariable(variable).flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    guard let configuration = folder("XDG_CONFIG_HOME") ?? folder("HOME").map({ $0 + "/.config" }) else {
      return nil
    }
    return ServiceRegistryFile(path: configuration + "/derphole/services.json", .own)
  }

  /// What the file holds; nothing when it is not there.
  public func read() throws(ServiceRegistryFileError) -> ServiceRegistry {
    guard let folder = try opened(makes: false) else { return ServiceRegistry() }
    return try content(of: folder)
  }

  /// Changes what the file holds, while nobody else does. What stays the same is not written.
  public func update<Result>(
    _ change: (inout ServiceRegistry) throws(ServiceRegistryError) -> Result
  ) throws(ServiceRegistryFileError) -> Result {
    guard let folder = try opened(makes: true) else { throw .file(.from(path, code: ENOENT)) }
    try naming { () throws(FileError) in try folder.lock() }
    let before = try content(of: folder)
    var registry = before
    let result: Result
    do {
      result = try change(&registry)
    } catch {
      throw .change(error)
    }
    if registry != before {
      try naming { () throws(FileError) in
        try folder.replace(
          name, with: registry.serialized(), temporary: ".endpointlookup-\(getpid()).tmp")
      }
    }
    return result
  }

  private func opened(makes: Bool) throws(ServiceRegistryFileError) -> PrivateFolder? {
    try naming { () throws(FileError) in try PrivateFolder(path: folder, kind: kind, makes: makes) }
  }

  private func content(of folder: PrivateFolder) throws(ServiceRegistryFileError) -> ServiceRegistry {
    let json = try naming { () throws(FileError) in
      try folder.read(name, limit: ServiceRegistry.maximumLength)
    }
    guard let json else { return ServiceRegistry() }
    do {
      return try json.withUnsafeBufferPointer { (bytes) throws(ServiceRegistryError) in
        try ServiceRegistry.parse(UnsafeRawBufferPointer(bytes))
      }
    } catch {
      throw .content(path, error)
    }
  }

  private func naming<Result>(
    _ body: () throws(FileError) -> Result
  ) throws(ServiceRegistryFileError) -> Result {
    do {
      return try body()
    } catch {
      throw .file(error)
    }
  }
}

/// Why the service registry cannot be read or changed.
public enum ServiceRegistryFileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file or its folder cannot be used.
  case file(FileError)
  /// What the file of this path holds is no registry.
  case content(String, ServiceRegistryError)
  /// The change cannot be made.
  case change(ServiceRegistryError)

  public var description: String {
    switch self {
    case .file(let error): error.description
    case .content(let path, let error): "\(path): \(error)"
    case .change(let error): error.description
    }
  }
}
