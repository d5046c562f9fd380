import CSockets
import Glibc

/// Reads ranges of a file one after the other. What is in the page cache is read at once; what is not is brought
/// there by a helper thread, so that a slow disk never holds up the loop.
final class FileContentSource: PayloadSource {
  /// How much the thread brings into the page cache at a time, in bytes.
  private static let stepAhead = 4 << 20

  var readable: () -> Void = {}
  var wantsRead = false
  private let descriptor: SharedDescriptor
  private let name: String
  private var rest: ArraySlice<Range<UInt64>>
  private let confirm: (Int32) throws(FileError) -> Void
  private let thread: HelperThread<Int32>
  private var isFetching = false
  /// Whether the file system can tell what is in the page cache.
  private var canAsk = true
  /// Why the thread could not read.
  private var failure: Int32 = 0

  /// - Parameters:
  ///   - ranges: what is read, in this order.
  ///   - confirm: throws when the file is no longer what it was; asked when everything was read.
  init(
    _ loop: EventLoop, _ descriptor: SharedDescriptor, name: String, ranges: [Range<UInt64>],
    confirm: @escaping (Int32) throws(FileError) -> Void
  ) throws(FileError) {
    self.descriptor = descriptor
    self.name = name
    self.confirm = confirm
    rest = ranges.filter { !$0.isEmpty }[...]
    do throws(SystemError) {
      thread = try HelperThread(loop, capacity: 1)
    } catch {
      throw .system(error)
    }
    posix_fadvise(descriptor.number, 0, 0, Int32(POSIX_FADV_SEQUENTIAL))
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> ReadResult {
    guard let range = rest.first else {
      try confirm(descriptor.number)
      return .end
    }
    guard failure == 0 else { throw .from(name, code: failure) }
    guard !isFetching, !buffer.isEmpty else { return .wouldBlock }
    let wanted = min(buffer.count, range.count)
    guard let place = buffer.baseAddress else { return .wouldBlock }
    let count = readNow(place, wanted, at: range.lowerBound)
    if count > 0 {
      rest.removeFirst()
      let left = range.lowerBound + UInt64(count)..<range.upperBound
      if !left.isEmpty { rest.insert(left, at: rest.startIndex) }
      return .bytes(count)
    }
    guard count < 0 else { throw .content("\(name) became shorter while it was read") }
    guard count == -Int(EAGAIN) else { throw .from(name, code: Int32(-count)) }
    fetch(range)
    return .wouldBlock
  }

  /// The count, or the error number, negative.
  private func readNow(_ place: UnsafeMutableRawPointer, _ count: Int, at offset: UInt64) -> Int {
    while canAsk {
      let result = derphole_read_cached(descriptor.number, place, count, Int64(offset))
      switch Int32(-result) {
      case EINTR: continue
      case EOPNOTSUPP, ENOSYS, EINVAL: canAsk = false
      default: return result
      }
    }
    while true {
      let result = pread(descriptor.number, place, count, off_t(offset))
      if result >= 0 { return result }
      if errno != EINTR { return -Int(errno) }
    }
  }

  private func fetch(_ range: Range<UInt64>) {
    let count = min(range.count, Self.stepAhead)
    isFetching = thread.submit { [descriptor] in
      descriptor.bringIn(at: off_t(range.lowerBound), count: count)
    } finished: { [weak self] code in
      guard let self else { return }
      isFetching = false
      failure = code
      readable()
    }
    // Without a thread the loop has to wait after all.
    if !isFetching { canAsk = false }
  }
}

/// A descriptor that the loop and helper threads read by position; closed when nobody has it any more.
final class SharedDescriptor: Sendable {
  let number: Int32

  init(_ number: Int32) { self.number = number }

  deinit { close(number) }

  /// Reads so that the bytes are in the page cache afterwards; the error number, or 0.
  func bringIn(at offset: off_t, count: Int) -> Int32 {
    let step = 1 << 20
    return withUnsafeTemporaryAllocation(byteCount: step, alignment: 4_096) { buffer in
      var done = 0
      while done < count {
        let result = pread(number, buffer.baseAddress, min(step, count - done), offset + off_t(done))
        if result < 0, errno != EINTR { return errno }
        if result == 0 { return 0 }
        if result > 0 { done += result }
      }
      return 0
    }
  }

  /// Reads exactly these bytes and hands them on in pieces; an error when there are fewer.
  func read(
    _ range: Range<UInt64>, name: String, step: Int = 1 << 20, _ take: (UnsafeRawBufferPointer) -> Void
  ) throws(FileError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: step, alignment: 4_096)
    defer { buffer.deallocate() }
    var offset = range.lowerBound
    while offset < range.upperBound {
      let wanted = min(step, Int(range.upperBound - offset))
      let result = pread(number, buffer.baseAddress, wanted, off_t(offset))
      if result < 0 {
        guard errno == EINTR else { throw .from(name, code: errno) }
        continue
      }
      guard result > 0 else { throw .content("\(name) became shorter while it was read") }
      take(UnsafeRawBufferPointer(rebasing: buffer[..<result]))
      offset += UInt64(result)
    }
  }
}
