/// Something wrong in a spec, or in what belongs to it, with its place.
public struct Diagnostic: Error, Equatable, Hashable, Sendable, CustomStringConvertible {
  public var file: String
  /// The line, counted from 1; 0 when the whole file is meant.
  public var line: Int
  public var message: String

  public init(file: String, line: Int, message: String) {
    self.file = file
    self.line = line
    self.message = message
  }

  /// `file:line: error: message`, as compilers print it.
  public var description: String { "\(file):\(line): error: \(message)" }
}
