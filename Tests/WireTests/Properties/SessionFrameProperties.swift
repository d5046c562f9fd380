import Wire

enum SessionFrameProperties {
  /// The input is a frame as it arrives, and the opened body of every kind of control frame.
  static func frame(_ input: UnsafeRawBufferPointer) -> String? {
    firstViolation(
      {
        guard let header = try? SessionFrameHeader.parse(input) else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: SessionFrameHeader.length, alignment: 8) { buffer in
          header.store(into: buffer)
          return buffer.elementsEqual(input.prefix(SessionFrameHeader.length)) ? nil : "header changed"
        }
      },
      {
        guard let body = try? Acknowledgement.parse(input) else { return nil }
        let again = body.serialized().withUnsafeBytes { try? Acknowledgement.parse($0) }
        return mismatch("acknowledgement", body, again)
      },
      {
        guard let body = try? Completion.parse(input) else { return nil }
        return mismatch("completion", body, body.serialized().withUnsafeBytes { try? Completion.parse($0) })
      },
      {
        guard let body = try? Abandonment.parse(input) else { return nil }
        let again = body.serialized().withUnsafeBytes { try? Abandonment.parse($0) }
        return mismatch("abandonment", body, again)
      },
      {
        guard let body = try? CandidateUpdate.parse(input) else { return nil }
        let again = body.serialized().withUnsafeBytes { try? CandidateUpdate.parse($0) }
        return mismatch("candidate update", body, again)
      })
  }
}
