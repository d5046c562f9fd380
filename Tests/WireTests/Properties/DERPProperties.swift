import Wire

enum DERPProperties {
  /// The input is a stream of frames.
  static func frames(_ input: UnsafeRawBufferPointer) -> String? {
    var rest = input
    while let header = DERPFrameHeader.parse(rest) {
      if let violation = checkHeader(header, rest) { return violation }
      guard header.length <= DERP.maximumFrameLength,
        rest.count >= DERP.frameHeaderLength + header.length
      else { return nil }
      let end = DERP.frameHeaderLength + header.length
      let payload = UnsafeRawBufferPointer(rebasing: rest[DERP.frameHeaderLength..<end])
      if let frame = try? DERPControlFrame.parse(type: header.type, payload: payload) {
        let again = frame.serialized().withUnsafeBytes { parseFrame($0) }
        if let violation = mismatch("frame", frame, again) { return violation }
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[end...])
    }
    return rest.count < DERP.frameHeaderLength ? nil : "no header in \(rest.count) bytes"
  }

  private static func checkHeader(_ header: DERPFrameHeader, _ bytes: UnsafeRawBufferPointer) -> String? {
    withUnsafeTemporaryAllocation(byteCount: DERP.frameHeaderLength, alignment: 1) { buffer in
      header.store(into: buffer)
      return buffer.elementsEqual(bytes.prefix(DERP.frameHeaderLength)) ? nil : "header changed"
    }
  }

  private static func parseFrame(_ bytes: UnsafeRawBufferPointer) -> DERPControlFrame? {
    guard let header = DERPFrameHeader.parse(bytes),
      header.length == bytes.count - DERP.frameHeaderLength
    else { return nil }
    let payload = UnsafeRawBufferPointer(rebasing: bytes[DERP.frameHeaderLength...])
    return try? DERPControlFrame.parse(type: header.type, payload: payload)
  }

  /// The input is the JSON inside a handshake box.
  static func info(_ input: UnsafeRawBufferPointer) -> String? {
    if let info = try? ClientInfo.parse(input) {
      let again = info.serialized().withUnsafeBytes { try? ClientInfo.parse($0) }
      if let violation = mismatch("client info", info, again) { return violation }
    }
    guard let info = try? ServerInfo.parse(input) else { return nil }
    return mismatch("server info", info, info.serialized().withUnsafeBytes { try? ServerInfo.parse($0) })
  }

  /// The input is the start of an HTTP connection, read by either side.
  static func upgrade(_ input: UnsafeRawBufferPointer) -> String? {
    if let result = try? DERPUpgrade.parseResponseHead(input) {
      let shorter = UnsafeRawBufferPointer(rebasing: input.prefix(result.headLength - 1))
      guard (try? DERPUpgrade.parseResponseHead(shorter)) == nil else { return "a part of a head is a head" }
      let exact = UnsafeRawBufferPointer(rebasing: input.prefix(result.headLength))
      guard (try? DERPUpgrade.parseResponseHead(exact))?.status == result.status else {
        return "the head alone reads differently"
      }
    }
    guard let request = try? HTTPRequestHead.parse(input) else { return nil }
    guard request.length <= input.count else { return "head longer than its bytes" }
    let head = request.head
    _ = (head.asksForDERP, head.asksForFastStart, head.path)
    var text = "\(head.method) \(head.target) HTTP/1.1\r\n"
    for header in head.headers { text += "\(header.name): \(header.value)\r\n" }
    // Replaced characters are longer than the bytes that they stand for.
    let again = Array((text + "\r\n").utf8).withUnsafeBytes { try? HTTPRequestHead.parse($0, limit: 65_536) }
    return mismatch("request", head, again?.head)
  }
}
