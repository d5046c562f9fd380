import Basics
import Crypto
import Wire

extension DERPServer {
  /// Answers an HTTP request. Returns the length of its head, or 0 when that is not complete.
  func processRequest(
    _ connection: Connection, _ bytes: UnsafeRawBufferPointer, at now: Instant, _ sink: any RelaySink
  ) -> Int {
    let request: HTTPRequestHead
    let length: Int
    do {
      guard let parsed = try HTTPRequestHead.parse(bytes) else { return 0 }
      (request, length) = parsed
    } catch {
      if error == .notHTTP {
        doom(connection, .malformedRequest)
      } else {
        answer(connection, HTTPAnswer(400, "Bad Request"), .malformedRequest, at: now, sink)
      }
      return bytes.count
    }
    guard request.path == DERPUpgrade.path, request.method == "GET", request.asksForDERP else {
      answer(connection, HTTPAnswer(to: request), .answered, at: now, sink)
      return bytes.count
    }
    connection.phase = .clientInfo
    connection.handshakeDeadline = now + configuration.handshakeTimeout
    arm(connection.handshakeDeadline)
    var greeting = request.asksForFastStart ? [] : DERPUpgrade.response101(serverKey: publicKey)
    greeting += DERPControlFrame.serverKey(ServerKeyFrame(serverPublic: publicKey)).serialized()
    send(greeting, to: connection, at: now, sink)
    return length
  }

  private func answer(
    _ connection: Connection, _ answer: HTTPAnswer, _ reason: CloseReason, at now: Instant,
    _ sink: any RelaySink
  ) {
    send(answer.serialized(), to: connection, at: now, sink)
    sink.note(.answered(connection.id, status: answer.status))
    beginClosing(connection, reason, at: now, sink)
  }

  /// The longest client information that is read. Clients send 104 bytes; what the protocol would allow
  /// (`DERP.maximumClientInfoLength`) is more memory than a stranger should get.
  static let maximumClientInfoLength = 16_384

  /// Reads the client's key and the proof of it. Returns the frame's length, or 0 when it is not complete.
  func processClientInfo(
    _ connection: Connection, _ bytes: UnsafeRawBufferPointer, at now: Instant, _ sink: any RelaySink
  ) -> Int {
    guard let header = DERPFrameHeader.parse(bytes) else { return 0 }
    guard header.type == DERPFrameType.clientInfo.rawValue,
      (DERP.minimumClientInfoLength...Self.maximumClientInfoLength).contains(header.length)
    else {
      doom(connection, .malformedClientInfo)
      return bytes.count
    }
    let end = DERP.frameHeaderLength + header.length
    guard bytes.count >= end else { return 0 }
    let payload = UnsafeRawBufferPointer(rebasing: bytes[DERP.frameHeaderLength..<end])
    guard let clientKey = openClientInfo(payload) else {
      doom(connection, .malformedClientInfo)
      return bytes.count
    }
    guard configuration.allowedKeys?.contains(clientKey) ?? true else {
      doom(connection, .keyNotAllowed)
      return bytes.count
    }
    establish(connection, clientKey, at: now, sink)
    return end
  }

  private func openClientInfo(_ payload: UnsafeRawBufferPointer) -> Bytes32? {
    guard let frame = try? ClientInfoFrame.parse(payload),
      let json = try? NaClBox.open(frame.sealedInfo, from: frame.clientPublic, to: key),
      (try? json.withUnsafeBytes({ try ClientInfo.parse($0) })) != nil
    else { return nil }
    return frame.clientPublic
  }

  private func establish(
    _ connection: Connection, _ clientKey: Bytes32, at now: Instant, _ sink: any RelaySink
  ) {
    let info = ServerInfo(
      tokenBucketBytesPerSecond: Int(configuration.clientRate?.perSecond ?? 0),
      tokenBucketBytesBurst: Int(configuration.clientRate?.burst ?? 0))
    let nonce = generator.bytes(NaClBox.nonceLength)
    guard let sealed = try? NaClBox.seal(info.serialized(), nonce: nonce, to: clientKey, from: key) else {
      return doom(connection, .malformedClientInfo)
    }
    connection.phase = .established
    connection.handshakeDeadline = nil
    if let surplus = directory.join(connection, key: clientKey) { doom(surplus, .tooManyConnections) }
    counters.joins += 1
    let jitter = configuration.keepAliveJitter.nanoseconds
    connection.keepAlivePeriod =
      configuration.keepAliveInterval
      + Interval(nanoseconds: jitter > 0 ? Int64(generator.next() % UInt64(jitter)) : 0)
    connection.keepAlive = now + connection.keepAlivePeriod
    arm(connection.keepAlive)
    send(
      DERPControlFrame.serverInfo(ServerInfoFrame(sealedInfo: sealed)).serialized(), to: connection, at: now,
      sink)
    sink.note(
      .joined(connection.id, key: clientKey, address: addresses.address(connection.address)))
  }
}
