import Synchronization

/// What a thread that reads or writes files has done, for the loop to look at, and how the loop stops it.
public final class FileProgress: Sendable {
  private let byteCount = Atomic<UInt64>(0)
  private let entryCount = Atomic<UInt64>(0)
  private let cancelled = Atomic<Bool>(false)

  public init() {}

  /// Bytes of files, without what the archive adds.
  public var bytes: UInt64 { byteCount.load(ordering: .relaxed) }
  /// Files, directories and links that are done.
  public var entries: UInt64 { entryCount.load(ordering: .relaxed) }
  public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

  /// Asks the thread to stop at its next step.
  public func cancel() { cancelled.store(true, ordering: .relaxed) }

  func add(bytes: Int) { byteCount.wrappingAdd(UInt64(bytes), ordering: .relaxed) }
  func addEntry() { entryCount.wrappingAdd(1, ordering: .relaxed) }
}
