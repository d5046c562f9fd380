import Basics
import Wire

enum TunnelProperties {
  /// The input is a list: what it names is named by a list of just that.
  static func revocationList(_ input: UnsafeRawBufferPointer) -> String? {
    guard let list = try? RevocationList.parse(input) else { return nil }
    let text = Array(list.ids.map { $0.hex + "\n" }.joined().utf8)
    let stranger = Bytes16(high: 1, low: 1)
    for id in list.ids {
      guard list.contains(clientID: id, tokenID: stranger), list.contains(clientID: stranger, tokenID: id)
      else {
        return "\(id) is named and not found"
      }
    }
    return mismatch("list", list, text.withUnsafeBytes { try? RevocationList.parse($0) })
  }

  /// The input is a registry's file.
  static func serviceRegistry(_ input: UnsafeRawBufferPointer) -> String? {
    guard let registry = try? ServiceRegistry.parse(input) else { return nil }
    let text = registry.serialized()
    // Layout and escapes make text longer than it came.
    guard text.count <= ServiceRegistry.maximumLength else { return nil }
    return mismatch("registry", registry, text.withUnsafeBytes { try? ServiceRegistry.parse($0) })
  }

  /// The input is what a control socket answered.
  static func controlReply(_ input: UnsafeRawBufferPointer) -> String? {
    guard let reply = try? ControlReply(parsing: Array(input)) else { return nil }
    let line = reply.line
    if line.firstIndex(of: 0x0A) != line.count - 1 { return "a reply is not one line" }
    if let violation = mismatch("reply", reply, try? ControlReply(parsing: line)) { return violation }
    guard case .status(let status) = reply else { return nil }
    // Whatever the names are, no line of the metrics is made by them.
    for line in MetricsText.document(status).utf8.split(separator: 0x0A) {
      guard line.starts(with: "# ".utf8) || line.starts(with: "derptun_".utf8) else {
        return "a line of metrics starts with \(String(decoding: line.prefix(20), as: UTF8.self))"
      }
    }
    return nil
  }

  /// The input is a QUIC datagram's payload.
  static func flowDatagram(_ input: UnsafeRawBufferPointer) -> String? {
    guard let datagram = try? FlowDatagram.parse(input) else {
      return input.count >= FlowDatagram.maximumHeaderLength ? "a whole number was not read" : nil
    }
    let bytes = datagram.serialized()
    if bytes.count > input.count { return "grew from \(input.count) to \(bytes.count) bytes" }
    return bytes.withUnsafeBytes { raw in
      guard let again = try? FlowDatagram.parse(raw) else { return "what was written cannot be read" }
      return mismatch("flow", datagram.flow, again.flow)
        ?? mismatch("payload", Array(datagram.payload), Array(again.payload))
    }
  }

  /// The input is what a stream of an upstream tunnel begins with.
  static func laneHeader(_ input: UnsafeRawBufferPointer) -> String? {
    guard let header = try? LaneHeader.parse(input) else { return nil }
    if header.isControl != (header.laneCount == 0) { return "control and lane \(header)" }
    if !header.isControl, header.lane >= header.laneCount { return "no such lane in \(header)" }
    let bytes = header.serialized()
    if bytes.count != LaneHeader.length { return "a header of \(bytes.count) bytes" }
    return mismatch("header", header, bytes.withUnsafeBytes { try? LaneHeader.parse($0) })
  }

  /// The input is what stands before a chunk.
  static func laneChunk(_ input: UnsafeRawBufferPointer) -> String? {
    guard let chunk = try? LaneChunk.parse(input) else { return nil }
    if chunk.length > LaneChunk.maximumLength { return "a chunk of \(chunk.length) bytes" }
    if chunk.isWarmUp, chunk.length > 0 { return "a warm-up chunk with content" }
    return chunk.serialized().elementsEqual(input.prefix(LaneChunk.headerLength))
      ? nil : "\(chunk) is written otherwise than it came"
  }
}
