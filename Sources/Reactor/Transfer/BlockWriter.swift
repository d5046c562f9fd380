import Glibc

/// Bytes that come in any order, collected in blocks that a helper thread writes to a file. The loop only copies.
///
/// Content is a row of ranges of the file, back to back. Memory is bounded by the number of blocks: as long as no more
/// is placed than `room` allows, every byte finds its block.
final class BlockWriter {
  /// The size of a block in bytes. Wanted ranges begin and end at multiples of it, but for the end of the file.
  static let blockSize = 256 << 10
  static let blockCount = 64

  /// One block's memory. It belongs to the loop while it is filled, to the thread while it is written.
  private final class Memory: @unchecked Sendable {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: BlockWriter.blockSize, alignment: 4_096)
    deinit { bytes.deallocate() }
  }

  private struct Slot {
    let memory: Memory
    /// The block's number in the content; nil while it is free.
    var number: Int?
    var filled = 0
  }

  /// Is called when a block was written.
  var written: () -> Void = {}
  private let descriptor: SharedDescriptor
  private let name: String
  private let layout: ContentLayout
  private let thread: HelperThread<Result<Void, FileError>>
  private var slots: [Slot] = []
  /// The slot that was used last; most bytes go where those before them went.
  private var latest = 0
  private var bytesInMemory = 0
  private var failure: FileError?
  private var finished: ((Result<Void, FileError>) -> Void)?
  /// Blocks written before all blocks below them were.
  private var ahead: Set<Int> = []
  private var contiguousBlocks = 0

  init(
    _ loop: EventLoop, _ descriptor: SharedDescriptor, name: String, ranges: [Range<UInt64>]
  ) throws(FileError) {
    self.descriptor = descriptor
    self.name = name
    layout = ContentLayout(ranges)
    do throws(SystemError) {
      thread = try HelperThread(loop, capacity: Self.blockCount)
    } catch {
      throw .system(error)
    }
    slots.reserveCapacity(Self.blockCount)
  }

  /// How many more bytes there is room for.
  var room: Int { Self.blockCount * Self.blockSize - bytesInMemory }

  /// Everything of the file below this offset is written.
  var contiguousEnd: UInt64 {
    layout.fileOffset(of: min(layout.length, UInt64(contiguousBlocks * Self.blockSize)))
  }

  /// Takes bytes of the content; false, and nothing is taken, when there is no block for them.
  func place(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) -> Bool {
    if failure != nil { throw failure! }
    guard offset <= layout.length, UInt64(bytes.count) <= layout.length - offset else {
      throw .content("more came than was asked for")
    }
    guard !bytes.isEmpty else { return true }
    let first = Int(offset) / Self.blockSize
    let last = (Int(offset) + bytes.count - 1) / Self.blockSize
    for number in first...last where slot(for: number) == nil { return false }
    var done = 0
    while done < bytes.count {
      let position = Int(offset) + done
      let within = position % Self.blockSize
      let count = min(bytes.count - done, Self.blockSize - within)
      guard let index = slot(for: position / Self.blockSize) else { return false }
      UnsafeMutableRawBufferPointer(rebasing: slots[index].memory.bytes[within..<within + count])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[done..<done + count]))
      slots[index].filled += count
      bytesInMemory += count
      done += count
      if slots[index].filled == length(ofBlock: position / Self.blockSize) { write(index) }
    }
    return true
  }

  private func length(ofBlock number: Int) -> Int {
    min(Self.blockSize, Int(layout.length) - number * Self.blockSize)
  }

  /// The slot that collects this block.
  private func slot(for number: Int) -> Int? {
    if latest < slots.count, slots[latest].number == number { return latest }
    var free: Int?
    for index in slots.indices {
      if slots[index].number == number {
        latest = index
        return index
      }
      if slots[index].number == nil, free == nil { free = index }
    }
    if free == nil, slots.count < Self.blockCount {
      free = slots.count
      slots.append(Slot(memory: Memory()))
    }
    guard let free else { return nil }
    slots[free].number = number
    slots[free].filled = 0
    latest = free
    return free
  }

  private func write(_ index: Int) {
    guard let number = slots[index].number else { return }
    let length = slots[index].filled
    let start = UInt64(number * Self.blockSize)
    let pieces = layout.pieces(of: start..<start + UInt64(length))
    let isQueued = thread.submit { [descriptor, name, memory = slots[index].memory] in
      Result { () throws(FileError) in
        var offset = 0
        for piece in pieces {
          let part = memory.bytes[offset..<offset + piece.count]
          try descriptor.write(UnsafeRawBufferPointer(rebasing: part), at: piece.lowerBound, name: name)
          offset += piece.count
        }
      }
    } finished: { [unowned self] result in
      wrote(index, number, length, result)
    }
    if !isQueued { failure = .content("no thread to write \(name)") }
  }

  private func wrote(_ index: Int, _ number: Int, _ length: Int, _ result: Result<Void, FileError>) {
    slots[index].number = nil
    bytesInMemory -= length
    if case .failure(let error) = result { failure = failure ?? error }
    ahead.insert(number)
    while ahead.remove(contiguousBlocks) != nil { contiguousBlocks += 1 }
    written()
    finishIfEmpty()
  }

  /// Waits until all that was placed is written.
  func finish(_ done: @escaping (Result<Void, FileError>) -> Void) {
    finished = done
    finishIfEmpty()
  }

  private func finishIfEmpty() {
    guard let done = finished, failure != nil || bytesInMemory == 0 else { return }
    finished = nil
    if let failure { return done(.failure(failure)) }
    guard UInt64(contiguousBlocks * Self.blockSize) >= layout.length else {
      return done(.failure(.content("not all of it came")))
    }
    done(.success(()))
  }
}

/// Where content lies that is a row of ranges of a file.
struct ContentLayout {
  private let ranges: [Range<UInt64>]
  /// Where each range begins in the content.
  private let starts: [UInt64]
  let length: UInt64

  init(_ ranges: [Range<UInt64>]) {
    self.ranges = ranges
    var starts: [UInt64] = []
    var sum: UInt64 = 0
    for range in ranges {
      starts.append(sum)
      sum += UInt64(range.count)
    }
    self.starts = starts
    length = sum
  }

  /// The ranges of the file that a range of the content stands for.
  func pieces(of content: Range<UInt64>) -> [Range<UInt64>] {
    var pieces: [Range<UInt64>] = []
    var index = self.index(of: content.lowerBound)
    var position = content.lowerBound
    while position < content.upperBound, index < ranges.count {
      let lower = ranges[index].lowerBound + (position - starts[index])
      let count = min(content.upperBound - position, ranges[index].upperBound - lower)
      pieces.append(lower..<lower + count)
      position += count
      index += 1
    }
    return pieces
  }

  /// Everything of the file below the result is there when the content below `position` is. At the end that is all.
  func fileOffset(of position: UInt64) -> UInt64 {
    guard position < length else { return .max }
    let index = self.index(of: position)
    return ranges[index].lowerBound + (position - starts[index])
  }

  /// The range that `position` lies in.
  private func index(of position: UInt64) -> Int {
    var lower = 0
    var upper = starts.count
    while upper - lower > 1 {
      let middle = (lower + upper) / 2
      if starts[middle] <= position { lower = middle } else { upper = middle }
    }
    return lower
  }
}

extension SharedDescriptor {
  /// Writes all of `bytes`; may wait for a disk.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, name: String) throws(FileError) {
    var done = 0
    while done < bytes.count {
      let count = pwrite(
        number, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset) + off_t(done))
      if count < 0 {
        guard errno == EINTR else { throw .from(name, code: errno) }
        continue
      }
      done += count
    }
  }
}
