import Wire

enum AddressProperties {
  /// The input is a datagram at either end.
  static func stun(_ input: UnsafeRawBufferPointer) -> String? {
    if let id = try? STUNMessage.parseRequest(input) {
      let again = STUNMessage.request(id).withUnsafeBytes { try? STUNMessage.parseRequest($0) }
      if let violation = mismatch("request", id, again) { return violation }
      if !STUNMessage.isSTUN(input) { return "a request that is not STUN" }
    }
    guard let (id, endpoint) = try? STUNMessage.parseResponse(input) else { return nil }
    let response = STUNMessage.response(id, from: endpoint)
    let again = response.withUnsafeBytes { try? STUNMessage.parseResponse($0) }
    return mismatch("id", id, again?.id) ?? mismatch("endpoint", endpoint, again?.endpoint)
  }

  /// The input is a map's JSON.
  static func derpMap(_ input: UnsafeRawBufferPointer) -> String? {
    guard let map = try? DERPMap.parse(input) else { return nil }
    for entry in map.entries {
      for node in entry.region.nodes {
        _ = (node.serverURL, node.ipv4Address, node.ipv6Address, node.effectiveSTUNPort)
      }
    }
    _ = map.bootstrapNode(region: 1)
    let text = map.serialized()
    // Escapes and members that were left out make a map longer than it came.
    guard text.count <= DERPMap.maximumLength else { return nil }
    return mismatch("map", map, text.withUnsafeBytes { try? DERPMap.parse($0) })
  }

  /// The input is an address in any spelling.
  static func candidate(_ input: UnsafeRawBufferPointer) -> String? {
    let text = String(decoding: input, as: UTF8.self)
    if let address = IPAddress(text),
      let violation = mismatch("address", address, IPAddress(address.description))
    {
      return violation
    }
    if let endpoint = IPEndpoint(text),
      let violation = mismatch("endpoint", Array(text.utf8), Array(endpoint.description.utf8))
    {
      return violation
    }
    guard let candidate = Candidate(text, allowingLoopback: true) else { return nil }
    guard (0...5).contains(candidate.rank) else { return "rank \(candidate.rank)" }
    return mismatch(
      "candidate", candidate, Candidate(candidate.description, allowingLoopback: true))
  }
}
