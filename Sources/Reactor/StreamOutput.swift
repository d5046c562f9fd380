import Glibc

/// An open descriptor as the output of a session: standard output, a pipe, a file that is written from its start to
/// its end. Datagrams bring little at a time, so what comes together is written in one step.
public final class StreamOutput: PayloadOutput {
  /// How much is collected for one step, in bytes.
  private static let stageSize = 256 << 10
  /// What is written without being collected, in bytes.
  private static let largeStep = 32 << 10

  public var writable: () -> Void = {}
  public var wantsWrite = false {
    didSet { watch() }
  }

  private var sink: OutputSink?
  private let commit: (() throws(FileError) -> Void)?
  private let stage = UnsafeMutableRawBufferPointer.allocate(byteCount: stageSize, alignment: 4_096)
  /// What is collected and not written yet.
  private var staged = 0..<0
  private var finished: ((Result<Void, FileError>) -> Void)?

  /// Uses an open descriptor, which stays the caller's; its flags are not changed.
  ///
  /// - Parameters:
  ///   - name: what messages call it.
  ///   - commit: makes what was written final, before the peer is told that all arrived.
  public init(
    _ loop: EventLoop, descriptor: Int32, name: String, commit: (() throws(FileError) -> Void)? = nil
  ) throws(FileError) {
    self.commit = commit
    sink = try OutputSink(loop, descriptor: descriptor, name: name) { [unowned self] in becameWritable() }
  }

  deinit {
    stage.initializeMemory(as: UInt8.self, repeating: 0)
    stage.deallocate()
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    if bytes.count >= Self.largeStep {
      try flush()
      guard staged.isEmpty, let sink else { return 0 }
      return try sink.write(bytes)
    }
    if stage.count - staged.upperBound < bytes.count { try flush() }
    let count = min(bytes.count, stage.count - staged.upperBound)
    UnsafeMutableRawBufferPointer(rebasing: stage[staged.upperBound...])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    staged = staged.lowerBound..<staged.upperBound + count
    return count
  }

  public func flush() throws(FileError) {
    defer { watch() }
    guard !staged.isEmpty, let sink else { return }
    let written = try sink.write(UnsafeRawBufferPointer(rebasing: stage[staged]))
    staged = staged.lowerBound + written..<staged.upperBound
    if staged.isEmpty { staged = 0..<0 }
  }

  public func finish(_ done: @escaping (Result<Void, FileError>) -> Void) {
    finished = done
    finishIfWritten()
  }

  private func finishIfWritten() {
    guard let done = finished else { return }
    do {
      try flush()
      guard staged.isEmpty else { return }
      try sink?.close()
      sink = nil
      try commit?()
    } catch {
      finished = nil
      return done(.failure(error))
    }
    finished = nil
    done(.success(()))
  }

  private func becameWritable() {
    if finished != nil { return finishIfWritten() }
    writable()
  }

  private func watch() { sink?.wantsWrite = wantsWrite || !staged.isEmpty }
}
