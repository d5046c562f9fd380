import Glibc

/// A point in time as people write it: RFC 3339 in UTC, to the second.
enum Timestamp {
  /// Seconds since 1970 of `2026-12-31T23:59:59Z`; nil for anything else.
  static func parse(_ text: String) -> Int64? {
    let characters = Array(text.utf8)
    let form = Array("dddd-dd-ddTdd:dd:ddZ".utf8)
    guard characters.count == form.count else { return nil }
    var digits: [Int32] = []
    for (character, wanted) in zip(characters, form) {
      if wanted == UInt8(ascii: "d") {
        guard (0x30...0x39).contains(character) else { return nil }
        digits.append(Int32(character) - 0x30)
      } else if character != wanted {
        return nil
      }
    }
    func number(_ start: Int) -> Int32 { digits[start] * 10 + digits[start + 1] }
    var fields = tm()
    fields.tm_year = number(0) * 100 + number(2) - 1_900
    fields.tm_mon = number(4) - 1
    fields.tm_mday = number(6)
    fields.tm_hour = number(8)
    fields.tm_min = number(10)
    fields.tm_sec = number(12)
    let asked = fields
    let seconds = Int64(timegm(&fields))
    // What is out of range was carried over: the 31st of February is no date.
    guard fields.tm_mon == asked.tm_mon, fields.tm_mday == asked.tm_mday, fields.tm_hour == asked.tm_hour,
      fields.tm_min == asked.tm_min, fields.tm_sec == asked.tm_sec
    else { return nil }
    return seconds
  }
}
