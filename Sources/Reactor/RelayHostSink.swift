import Basics
import Relaying

/// The relay's way to its sockets.
final class RelayHostSink: RelaySink {
  private struct Entry {
    let id: ConnectionID
    let stream: any ByteStream
    let watcher: StreamWatcher
  }

  private var entries: [Entry?] = []
  private let noted: (RelayEvent) -> Void

  init(_ noted: @escaping (RelayEvent) -> Void) { self.noted = noted }

  func add(_ id: ConnectionID, _ stream: any ByteStream, _ watcher: StreamWatcher) {
    while entries.count <= id.slot { entries.append(nil) }
    entries[id.slot] = Entry(id: id, stream: stream, watcher: watcher)
  }

  /// The stream of a connection that is to be read from.
  func readable(_ id: ConnectionID) -> (any ByteStream)? {
    guard let entry = entry(id), entry.watcher.wantsRead else { return nil }
    return entry.stream
  }

  func setWriting(_ id: ConnectionID, _ isWriting: Bool) { entry(id)?.watcher.wantsWrite = isWriting }

  func write(_ bytes: UnsafeRawBufferPointer, to connection: ConnectionID) -> Int? {
    guard let entry = entry(connection), let taken = try? entry.stream.write(bytes) else { return nil }
    if taken < bytes.count { entry.watcher.wantsWrite = true }
    return taken
  }

  func finishOutput(_ connection: ConnectionID) { entry(connection)?.stream.finishWriting() }

  func close(_ connection: ConnectionID, reason: CloseReason) {
    guard let entry = entry(connection) else { return }
    entries[connection.slot] = nil
    entry.watcher.cancel()
    entry.stream.close()
  }

  func setReading(_ connection: ConnectionID, _ isReading: Bool) {
    entry(connection)?.watcher.wantsRead = isReading
  }

  func note(_ event: RelayEvent) { noted(event) }

  private func entry(_ id: ConnectionID) -> Entry? {
    guard entries.indices.contains(id.slot), let entry = entries[id.slot], entry.id == id else { return nil }
    return entry
  }
}
