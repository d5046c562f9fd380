import Basics

/// The body of a `candidates` frame: where its sender may be reached directly. Each replaces the one before.
///
/// Layout, big-endian: sequence (4), mapping (1), flags (1; bit 0: please probe now), number of candidates (1, at
/// most 32), then each candidate as family (1; 4 or 6), address (4 or 16) and port (2); number of guessed ports
/// (1, at most 16), then each port (2).
public struct CandidateUpdate: Hashable, Sendable {
  /// The most candidates of one update.
  public static let maximumCandidates = Candidate.maximumCount
  /// The most guessed ports of one update.
  public static let maximumGuessedPorts = 16
  /// The longest serialized form in bytes.
  public static let maximumLength = 8 + 19 * maximumCandidates + 2 * maximumGuessedPorts

  /// How the NAT in front of the sender chooses a socket's outer address.
  public enum Mapping: UInt8, CaseIterable, Sendable {
    /// Not measured, or a value that this version does not know.
    case unknown = 0
    /// There is no NAT, or one outer address serves all destinations.
    case endpointIndependent = 1
    /// Each destination sees another outer address or port.
    case destinationDependent = 2
  }

  /// Counts the updates of its sender; a lower one than the last is old news.
  public var sequence: UInt32
  public var mapping: Mapping
  /// Whether the receiver should probe the candidates at once.
  public var wantsProbes: Bool
  /// At most `maximumCandidates`. Nothing is filtered here: a hostile list parses, and its reader chooses.
  public var candidates: [IPEndpoint]
  /// Outer ports that the sender's NAT will probably give to its next sockets; at most `maximumGuessedPorts`.
  public var guessedPorts: [UInt16]

  public init(
    sequence: UInt32, mapping: Mapping, wantsProbes: Bool, candidates: [IPEndpoint], guessedPorts: [UInt16]
  ) {
    self.sequence = sequence
    self.mapping = mapping
    self.wantsProbes = wantsProbes
    self.candidates = candidates
    self.guessedPorts = guessedPorts
  }

  /// Reads the opened body of a `candidates` frame.
  ///
  /// - Throws: `SessionFrameError.malformedBody` when the length does not fit the counts, a count is over its
  ///   limit, or an address is of an unknown family.
  public static func parse(_ body: UnsafeRawBufferPointer) throws(SessionFrameError) -> CandidateUpdate {
    guard body.count <= maximumLength else { throw .malformedBody }
    var reader = ByteReader(body)
    guard let sequence: UInt32 = reader.integer(), let mapping: UInt8 = reader.integer(),
      let flags: UInt8 = reader.integer(), let count: UInt8 = reader.integer(), count <= maximumCandidates
    else { throw .malformedBody }
    var candidates: [IPEndpoint] = []
    candidates.reserveCapacity(Int(count))
    for _ in 0..<count {
      guard let address = address(&reader), let port: UInt16 = reader.integer() else { throw .malformedBody }
      candidates.append(IPEndpoint(address: address, port: port))
    }
    guard let portCount: UInt8 = reader.integer(), portCount <= maximumGuessedPorts,
      reader.remaining == 2 * Int(portCount)
    else { throw .malformedBody }
    var ports: [UInt16] = []
    ports.reserveCapacity(Int(portCount))
    while let port: UInt16 = reader.integer() { ports.append(port) }
    return CandidateUpdate(
      sequence: sequence, mapping: Mapping(rawValue: mapping) ?? .unknown, wantsProbes: flags & 1 != 0,
      candidates: candidates, guessedPorts: ports)
  }

  private static func address(_ reader: inout ByteReader) -> IPAddress? {
    switch reader.integer(UInt8.self) {
    case 4: reader.integer(UInt32.self).map { IPAddress(ipv4: $0) }
    case 6: reader.bytes16().map { IPAddress(ipv6: $0) }
    default: nil
    }
  }

  /// The body's bytes; only the first `maximumCandidates` and `maximumGuessedPorts` are written.
  public func serialized() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.maximumLength)
    bytes.append(bigEndian: sequence)
    bytes.append(mapping.rawValue)
    bytes.append(wantsProbes ? 1 : 0)
    let written = candidates.prefix(Self.maximumCandidates)
    bytes.append(UInt8(written.count))
    for candidate in written {
      if candidate.address.isIPv4 {
        bytes.append(4)
        bytes.append(bigEndian: candidate.address.ipv4Bits)
      } else {
        bytes.append(6)
        bytes.append(bigEndian: candidate.address.bytes.high)
        bytes.append(bigEndian: candidate.address.bytes.low)
      }
      bytes.append(bigEndian: candidate.port)
    }
    let ports = guessedPorts.prefix(Self.maximumGuessedPorts)
    bytes.append(UInt8(ports.count))
    for port in ports { bytes.append(bigEndian: port) }
    return bytes
  }
}
