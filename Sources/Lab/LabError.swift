import Glibc

/// Why the lab could not do its work; one line.
struct LabError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// A system call that failed, with errno's words.
  static func system(_ call: String) -> LabError { LabError("\(call): \(String(cString: strerror(errno)))") }
}

/// How the lab ends.
enum LabStatus {
  /// Something was not as expected.
  static let failure: Int32 = 1
  /// This machine does not allow it; a number that test harnesses know as "skipped".
  static let impossible: Int32 = 77
}
