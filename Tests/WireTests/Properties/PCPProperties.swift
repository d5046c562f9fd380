import Wire

enum PCPProperties {
  /// The input is a datagram at either end.
  static func message(_ input: UnsafeRawBufferPointer) -> String? {
    if let request = try? PCPRequest.parse(input) {
      let bytes = request.serialized()
      if bytes.count > input.count { return "a request grew from \(input.count) to \(bytes.count) bytes" }
      let again = bytes.withUnsafeBytes { try? PCPRequest.parse($0) }
      if let violation = mismatch("request", request, again) { return violation }
      if (try? PCPResponse.parse(input)) != nil { return "both a request and a response" }
      // What a server makes of the request is an answer to it, and to no other.
      let answer = PCPResponse(request.operation, result: .success, epoch: 1).serialized()
      let read = answer.withUnsafeBytes { try? PCPResponse.parse($0, to: request) }
      return mismatch("operation", request.operation, read?.operation)
    }
    guard let response = try? PCPResponse.parse(input) else { return nil }
    let again = response.serialized().withUnsafeBytes { try? PCPResponse.parse($0) }
    return mismatch("response", response, again)
  }
}
