/// Words of the other side in a command that somebody copies (AUK-8).
enum CommandWord {
  /// A plain user or host name; nil for anything that a shell or ssh could take otherwise.
  static func plain(_ text: String) -> String? {
    guard let first = text.utf8.first, first != UInt8(ascii: "-"), first != UInt8(ascii: ".") else {
      return nil
    }
    return text.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
        || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
    } ? text : nil
  }
}
