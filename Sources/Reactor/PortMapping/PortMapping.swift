import Basics
import Wire

/// The ways to ask a home router for a port, best first.
public enum PortMappingProtocol: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
  /// Port Control Protocol, RFC 6887.
  case pcp = "PCP"
  /// NAT Port Mapping Protocol, RFC 6886.
  case natPMP = "NAT-PMP"
  /// UPnP Internet Gateway Device, version 1 or 2.
  case upnp = "UPnP"

  public var description: String { rawValue }
}

/// A port of the router that leads to a port of ours.
public struct PortMapping: Hashable, Sendable {
  /// How it was got.
  public var kind: PortMappingProtocol
  /// Where others reach it: an IPv4 endpoint. The address may be private (RFC 1918, RFC 6598) when the router
  /// is itself behind a NAT; a peer behind the same outer NAT can reach it all the same.
  public var external: IPEndpoint
  /// How long the router keeps it without renewal.
  public var lifetime: Interval
}

/// Why a router gave no mapping.
public enum PortMappingFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// Nothing came back in time.
  case noAnswer
  /// The router does not speak the protocol, or not this version of it.
  case unsupported
  /// The router said no; the text is its reason.
  case refused(String)
  /// The external address is of no use to anybody: unspecified, loopback, multicast, or none.
  case unusableAddress
  /// A call of the system failed here.
  case system(SystemError)

  public var description: String {
    switch self {
    case .noAnswer: "no answer"
    case .unsupported: "not supported"
    case .refused(let reason): "refused: \(reason)"
    case .unusableAddress: "no usable external address"
    case .system(let error): error.description
    }
  }
}

/// What a port mapper goes through, for people and logs.
public enum PortMappingReport: Hashable, Sendable, CustomStringConvertible {
  /// There is no default IPv4 route through a gateway.
  case noGateway
  /// An attempt begins.
  case searching(gateway: IPAddress, from: IPAddress)
  /// The router speaks this protocol; its external address where the answer tells it.
  case answered(PortMappingProtocol, external: IPAddress?)
  /// This protocol gave nothing.
  case failed(PortMappingProtocol, PortMappingFailure)
  /// A mapping exists.
  case mapped(PortMapping)
  /// A mapping was prolonged, or made again after the router restarted.
  case renewed(PortMapping)
  /// The router lost its state; the mapping is asked for again.
  case restarted(PortMappingProtocol)
  /// The mapping is gone, and why.
  case lost(PortMappingProtocol, PortMappingFailure)
  /// Nothing worked; the next attempt comes after this interval.
  case retrying(after: Interval)
  /// The mapping was given back; whether the router said so in time.
  case released(PortMappingProtocol, confirmed: Bool)

  public var description: String {
    switch self {
    case .noGateway: "no IPv4 gateway"
    case .searching(let gateway, let local): "asking \(gateway) from \(local)"
    case .answered(let kind, let external):
      "\(kind) answered" + (external.map { ", external address \($0)" } ?? "")
    case .failed(let kind, let failure): "\(kind): \(failure)"
    case .mapped(let mapping): "\(mapping.kind) mapped \(mapping.external) for \(seconds(mapping.lifetime))"
    case .renewed(let mapping): "\(mapping.kind) renewed \(mapping.external) for \(seconds(mapping.lifetime))"
    case .restarted(let kind): "\(kind): the router lost its state"
    case .lost(let kind, let failure): "\(kind) mapping lost: \(failure)"
    case .retrying(let interval): "next attempt in \(seconds(interval))"
    case .released(let kind, let confirmed): "\(kind) mapping released" + (confirmed ? "" : ", unconfirmed")
    }
  }

  private func seconds(_ interval: Interval) -> String { "\(interval.inMilliseconds / 1_000) s" }
}
