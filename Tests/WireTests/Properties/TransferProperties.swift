import Wire

enum TransferProperties {
  /// The input is a stream of messages, content lengths without their content.
  static func messages(_ input: UnsafeRawBufferPointer) -> String? {
    let whole = read(input, step: input.count)
    for message in whole.messages {
      let bytes = message.serialized()
      guard bytes.count <= TransferMessage.headerLength + message.kind.longestBody else {
        return "\(message.kind) grew beyond its limit"
      }
      let again = bytes.withUnsafeBytes { read($0, step: $0.count) }
      if let violation = mismatch("message", [message], again.messages) { return violation }
    }
    let dripped = read(input, step: 1)
    return mismatch("messages", whole.messages, dripped.messages)
      ?? mismatch("error", whole.error, dripped.error)
  }

  /// All messages up to the end or the first error, from pieces of `step` bytes.
  static func read(
    _ input: UnsafeRawBufferPointer, step: Int
  ) -> (messages: [TransferMessage], error: TransferError?) {
    var reader = TransferMessageReader()
    var messages: [TransferMessage] = []
    var offset = 0
    do throws(TransferError) {
      while offset < input.count {
        let piece = input[offset..<min(input.count, offset + step)]
        let (taken, message) = try reader.next(UnsafeRawBufferPointer(rebasing: piece))
        if let message { messages.append(message) }
        guard taken > 0 else { return (messages, .malformed) }
        offset += taken
      }
    } catch {
      return (messages, error)
    }
    return (messages, nil)
  }
}
