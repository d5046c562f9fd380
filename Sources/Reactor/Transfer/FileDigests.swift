import Basics
import Crypto
import Engine
import Wire

/// Digests of files, computed on a helper thread.
enum FileDigests {
  typealias Outcome = Result<[Bytes32], FileError>

  /// The digests of these pieces of an open file.
  static func compute(
    _ pieces: TransferPieces, of descriptor: SharedDescriptor, size: UInt64, name: String
  ) -> Outcome {
    Result { () throws(FileError) in
      var digests: [Bytes32] = []
      for piece in pieces.pieces {
        let digest = try newDigest()
        try descriptor.read(TransferPieces.bytes(of: piece, size: size), name: name) { digest.update($0) }
        digests.append(digest.finish())
      }
      return digests
    }
  }

  static func newDigest() throws(FileError) -> ContentDigest {
    do {
      return try ContentDigest()
    } catch {
      throw .content("\(error)")
    }
  }
}

/// The digest of a whole file, computed by a helper thread behind those who read or write it.
final class FileDigest {
  /// How far one job goes, in bytes; also how much there must be to begin one.
  private static let step: UInt64 = 4 << 20

  /// Only the job at hand touches it.
  private final class Running: @unchecked Sendable {
    let digest: ContentDigest
    init(_ digest: ContentDigest) { self.digest = digest }
  }

  private let descriptor: SharedDescriptor
  private let name: String
  private let size: UInt64
  private let running: Running
  private let thread: HelperThread<Result<Void, FileError>>
  private var done: UInt64 = 0
  private var limit: UInt64 = 0
  private var isBusy = false
  private var failure: FileError?
  private var completion: ((Result<Bytes32, FileError>) -> Void)?

  init(_ loop: EventLoop, _ descriptor: SharedDescriptor, name: String, size: UInt64) throws(FileError) {
    self.descriptor = descriptor
    self.name = name
    self.size = size
    running = Running(try FileDigests.newDigest())
    thread = try helperThread(loop)
  }

  /// Bytes below `offset` are there and do not change any more.
  func advance(to offset: UInt64) {
    limit = max(limit, min(offset, size))
    goOn()
  }

  /// Calls `completion` once, when the whole file was digested; `advance` must have been told of all of it.
  func finish(_ completion: @escaping (Result<Bytes32, FileError>) -> Void) {
    self.completion = completion
    goOn()
  }

  private func goOn() {
    guard !isBusy else { return }
    if let failure { return complete(.failure(failure)) }
    guard done < size else { return complete(.success(())) }
    let upper = min(limit, done + Self.step)
    guard upper == size || upper - done == Self.step else { return }
    let range = done..<upper
    isBusy = thread.submit { [descriptor, running, name] in
      Result { () throws(FileError) in try descriptor.read(range, name: name) { running.digest.update($0) } }
    } finished: { [weak self] result in
      guard let self else { return }
      isBusy = false
      done = upper
      if case .failure(let error) = result { failure = error }
      goOn()
    }
    if !isBusy { failure = .content("no thread for the digest") }
  }

  private func complete(_ result: Result<Void, FileError>) {
    guard let completion else { return }
    self.completion = nil
    switch result {
    case .success: completion(.success(running.digest.finish()))
    case .failure(let error): completion(.failure(error))
    }
  }
}
