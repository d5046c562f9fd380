import Glibc

/// Writing that ends only when every byte is written: for what is small.
public enum WholeWrite {
  /// Writes all of `bytes`; waits for whoever reads a pipe. `title` is what the descriptor is called in errors.
  public static func write(_ bytes: [UInt8], to descriptor: Int32, title: String) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&poller, 1, -1)
      } else if errno != EINTR {
        throw .from(title, code: errno)
      }
    }
  }
}
