import Basics
import Glibc
import Wire

/// Why there is no map of relays.
public enum DERPMapError: Error, Hashable, Sendable, CustomStringConvertible {
  /// It could not be fetched, and there is no usable copy of an earlier one.
  case fetch(url: String, DialError)
  /// The file could not be read.
  case file(SystemError)
  /// The text is not a map, or one without relays; `place` is its URL or file.
  case unusable(place: String, reason: String)

  public var description: String {
    switch self {
    case .fetch(let url, let error): "cannot fetch the relay map \(url): \(error)"
    case .file(let error): "cannot read the relay map \(error)"
    case .unusable(let place, let reason): "the relay map \(place) cannot be used: \(reason)"
    }
  }
}

/// Gets the map of relays: from a file, from a URL, or from the public address with a cached copy for when
/// that fails. Dropping it cancels.
public final class DERPMapSource {
  /// A map and where it came from.
  public struct Answer: Sendable {
    /// The map; it has at least one relay.
    public var map: DERPMap
    /// Why the cached copy stands in for a fresh map; nil when the map is fresh.
    public var staleBecause: DERPMapError?
  }

  private let loop: EventLoop
  private let cacheFile: String?
  private var cached: DERPMap?
  private var fetcher: HTTPFetcher?
  private var completion: ((Result<Answer, DERPMapError>) -> Void)?

  /// How long a fetch may take when a cached copy could serve, and when nothing else can.
  private static let patience = (cached: Interval.seconds(5), alone: Interval.seconds(15))

  /// Gets a map. `place` is a URL (with `://`) or a file; nil means the public map, for which alone
  /// `cacheFile` is used. The answer comes from the loop, never from within this call.
  public init(
    _ loop: EventLoop, place: String? = nil, publicURL: String = DERPMap.publicURL,
    cacheFile: String? = DERPMapSource.defaultCacheFile(),
    completion: @escaping (Result<Answer, DERPMapError>) -> Void
  ) {
    self.loop = loop
    self.completion = completion
    self.cacheFile = place == nil ? cacheFile : nil
    if let place, !Self.isURL(place) {
      let result = Self.load(place)
      loop.defer { [weak self] in self?.end(result.map { Answer(map: $0, staleBecause: nil) }) }
      return
    }
    if let file = self.cacheFile { cached = try? Self.load(file).get() }
    let url = place ?? publicURL
    let patience = cached == nil ? Self.patience.alone : Self.patience.cached
    fetcher = HTTPFetcher(loop, url: url, limit: DERPMap.maximumLength, timeout: patience) { [weak self] in
      self?.fetched(url, $0)
    }
  }

  /// Stops; the completion will not be called.
  public func cancel() {
    completion = nil
    fetcher = nil
  }

  /// `$XDG_CACHE_HOME/derphole/derpmap.json`, or below `~/.cache`; nil when the environment names neither.
  public static func defaultCacheFile() -> String? {
    if let folder = ProxyChoice.environmentVariable("XDG_CACHE_HOME"), folder.hasPrefix("/") {
      return folder + "/derphole/derpmap.json"
    }
    guard let home = ProxyChoice.environmentVariable("HOME"), home.hasPrefix("/") else { return nil }
    return home + "/.cache/derphole/derpmap.json"
  }

  private static func isURL(_ place: String) -> Bool {
    let lowered = place.lowercased()
    return lowered.hasPrefix("http://") || lowered.hasPrefix("https://")
  }

  private static func load(_ file: String) -> Result<DERPMap, DERPMapError> {
    do throws(SystemError) {
      return parse(try SmallFile.read(file, limit: DERPMap.maximumLength), place: file)
    } catch {
      return .failure(.file(error))
    }
  }

  private static func parse(_ text: [UInt8], place: String) -> Result<DERPMap, DERPMapError> {
    do throws(JSONError) {
      let map = try text.withUnsafeBufferPointer { (bytes) throws(JSONError) in
        try DERPMap.parse(UnsafeRawBufferPointer(bytes))
      }
      return map.bootstrapNode(region: 0) == nil
        ? .failure(.unusable(place: place, reason: "it names no relay")) : .success(map)
    } catch {
      return .failure(.unusable(place: place, reason: "\(error)"))
    }
  }

  private func fetched(_ url: String, _ body: Result<[UInt8], DialError>) {
    let failure: DERPMapError
    switch body {
    case .failure(let error): failure = .fetch(url: url, error)
    case .success(let text):
      switch Self.parse(text, place: url) {
      case .failure(let error): failure = error
      case .success(let map):
        // A copy that cannot be kept (no home, full disk) only matters when it is missed one day.
        if let cacheFile { try? SmallFile.replace(cacheFile, with: text) }
        return end(.success(Answer(map: map, staleBecause: nil)))
      }
    }
    end(cached.map { .success(Answer(map: $0, staleBecause: failure)) } ?? .failure(failure))
  }

  private func end(_ result: Result<Answer, DERPMapError>) {
    let completion = completion
    cancel()
    completion?(result)
  }
}
