import Basics
import CNATPMP
import Glibc
import Wire

/// One NAT-PMP request and its answer, by libnatpmp on a socket of its own: the answer to an earlier request
/// cannot be taken for this one's, and the kernel drops what comes from others than the router.
final class NATPMPExchange {
  enum Request: Hashable {
    case externalAddress
    /// Lifetime in seconds; 0 removes.
    case map(internalPort: UInt16, externalPort: UInt16, lifetime: UInt32)
  }

  enum Answer: Hashable {
    case externalAddress(IPAddress, epoch: UInt32)
    /// Lifetime in seconds.
    case mapped(externalPort: UInt16, lifetime: UInt32, epoch: UInt32)
  }

  private let request: Request
  private let handle = UnsafeMutablePointer<natpmp_t>.allocate(capacity: 1)
  private var isOpen = false
  private let deadline: Instant
  private let loop: EventLoop
  private var watcher: IOWatcher?
  private var timer: LoopTimer?
  private var done: ((Result<Answer, PortMappingFailure>) -> Void)?

  init(
    _ loop: EventLoop, gateway: IPAddress, _ request: Request,
    _ done: @escaping (Result<Answer, PortMappingFailure>) -> Void
  ) {
    self.loop = loop
    self.request = request
    self.done = done
    deadline = loop.now + MappingRetransmission.limit
    timer = loop.makeTimer { [weak self] in self?.advance() }
    let status = initnatpmp(handle, 1, gateway.ipv4Bits.bigEndian)
    guard status == 0 else {
      let failure = PortMappingFailure.natPMP(status)
      // The library leaves a socket behind that it could not connect.
      if handle.pointee.s >= 0 { closenatpmp(handle) }
      loop.defer { [weak self] in self?.finish(.failure(failure)) }
      return
    }
    isOpen = true
    Socket.setNonBlocking(handle.pointee.s)
    watcher = loop.watch(handle.pointee.s) { [weak self] _ in self?.advance() }
    watcher?.interest = .readable
    send()
    armRetry()
  }

  deinit {
    close()
    handle.deallocate()
  }

  /// Gives up without calling anybody.
  func close() {
    done = nil
    timer?.disarm()
    watcher?.cancel()
    if isOpen { closenatpmp(handle) }
    isOpen = false
  }

  private func send() {
    // What cannot be sent now is sent again like what was lost.
    switch request {
    case .externalAddress: _ = sendpublicaddressrequest(handle)
    case .map(let internalPort, let externalPort, let lifetime):
      _ = sendnewportmappingrequest(handle, NATPMP_PROTOCOL_UDP, internalPort, externalPort, lifetime)
    }
  }

  private func armRetry() {
    var wait = timeval()
    let retry =
      getnatpmprequesttimeout(handle, &wait) == 0
      ? loop.now + Interval.microseconds(Int64(wait.tv_sec) * 1_000_000 + Int64(wait.tv_usec))
      : deadline
    timer?.arm(at: min(retry, deadline))
  }

  /// Reads what is there, sends again when it is time, ends when that has gone on for long enough.
  private func advance() {
    guard done != nil, isOpen else { return }
    if loop.now >= deadline { return finish(.failure(.noAnswer)) }
    guard dropShortDatagrams() else { return finish(.failure(.unsupported)) }
    var response = natpmpresp_t()
    switch readnatpmpresponseorretry(handle, &response) {
    case 0: finish(answer(response))
    case NATPMP_TRYAGAIN, NATPMP_ERR_SENDERR, NATPMP_ERR_RECVFROM, NATPMP_ERR_WRONGPACKETSOURCE: armRetry()
    case let status: finish(.failure(.natPMP(status)))
    }
  }

  /// libnatpmp does not look at a datagram's length: what is shorter than its own answer says must not reach
  /// it. False when the router's kernel says that nobody listens there.
  private func dropShortDatagrams() -> Bool {
    var bytes = [UInt8](repeating: 0, count: 16)
    while true {
      let count = recv(handle.pointee.s, &bytes, bytes.count, Int32(MSG_PEEK | MSG_DONTWAIT))
      if count < 0 { return errno != ECONNREFUSED }
      if bytes.withUnsafeBytes({ Self.isComplete(UnsafeRawBufferPointer(rebasing: $0[..<count])) }) {
        return true
      }
      _ = recv(handle.pointee.s, &bytes, bytes.count, Int32(MSG_DONTWAIT))
    }
  }

  /// Whether a datagram is as long as its version, opcode and result code demand (RFC 6886, sections 3.2, 3.3
  /// and 3.5).
  static func isComplete(_ datagram: UnsafeRawBufferPointer) -> Bool {
    guard datagram.count >= 8 else { return false }
    // A refusal, or another version, is all in the first eight bytes.
    if datagram[0] != 0 || datagram[2] != 0 || datagram[3] != 0 { return true }
    return datagram.count >= (datagram[1] == 128 ? 12 : 16)
  }

  private func answer(_ response: natpmpresp_t) -> Result<Answer, PortMappingFailure> {
    switch (request, Int32(response.type)) {
    case (.externalAddress, NATPMP_RESPTYPE_PUBLICADDRESS):
      let bits = UInt32(bigEndian: response.pnu.publicaddress.addr.s_addr)
      return .success(.externalAddress(IPAddress(ipv4: bits), epoch: response.epoch))
    case (.map(let internalPort, _, _), NATPMP_RESPTYPE_UDPPORTMAPPING)
    where response.pnu.newportmapping.privateport == internalPort:
      let mapping = response.pnu.newportmapping
      return .success(
        .mapped(externalPort: mapping.mappedpublicport, lifetime: mapping.lifetime, epoch: response.epoch))
    default: return .failure(.refused("an answer to something else"))
    }
  }

  private func finish(_ outcome: Result<Answer, PortMappingFailure>) {
    guard let done else { return }
    close()
    done(outcome)
  }
}

extension PortMappingFailure {
  /// Sorts a return value of libnatpmp.
  fileprivate static func natPMP(_ status: Int32) -> PortMappingFailure {
    switch status {
    case NATPMP_ERR_SOCKETERROR, NATPMP_ERR_CONNECTERR, NATPMP_ERR_FCNTLERROR:
      .system(.last("NAT-PMP socket"))
    case NATPMP_ERR_NOGATEWAYSUPPORT, NATPMP_ERR_UNSUPPORTEDVERSION, NATPMP_ERR_UNSUPPORTEDOPCODE:
      .unsupported
    case NATPMP_ERR_NOTAUTHORIZED: .refused("not authorized")
    case NATPMP_ERR_NETWORKFAILURE: .refused("network failure")
    case NATPMP_ERR_OUTOFRESOURCES: .refused("out of resources")
    default: .refused("libnatpmp error \(status)")
    }
  }
}
