import Wire

enum TunnelProperties {
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
}
