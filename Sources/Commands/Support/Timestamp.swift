import Glibc

/// A point in time as people write it: RFC 3339, to the second.
enum Timestamp {
  /// Seconds since 1970 of `2026-12-31T23:59:59Z` or `2027-01-01T01:59:59.5+02:00`; nil for anything else. A fraction
  /// of a second is left away.
  static func parse(_ text: String) -> Int64? {
    let characters = Array(text.utf8)
    let form = Array("dddd-dd-ddTdd:dd:dd".utf8)
    guard let digits = digits(of: characters.prefix(form.count), form),
      let seconds = seconds(digits), let offset = offset(afterFraction(characters[form.count...]))
    else { return nil }
    return seconds - offset
  }

  /// Seconds since 1970 of the midnight that begins a day such as `2026-12-31` in this machine's time zone; nil for
  /// anything else.
  static func parse(localDate text: String) -> Int64? {
    guard let digits = digits(of: Array(text.utf8)[...], Array("dddd-dd-dd".utf8)),
      seconds(digits + Array(repeating: 0, count: 6)) != nil
    else { return nil }
    var fields = fields(digits + Array(repeating: 0, count: 6))
    // Whether it is summer there the library knows.
    fields.tm_isdst = -1
    return Int64(mktime(&fields))
  }

  /// The moment in RFC 3339, in UTC; nil beyond the year 9999, which that cannot write.
  static func text(_ unixSeconds: Int64) -> String? {
    var time = time_t(unixSeconds)
    var fields = tm()
    guard gmtime_r(&time, &fields) != nil, (-1_900...8_099).contains(fields.tm_year) else { return nil }
    func padded(_ number: Int32, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date = [padded(fields.tm_year + 1_900, 4), padded(fields.tm_mon + 1, 2), padded(fields.tm_mday, 2)]
    let clock = [fields.tm_hour, fields.tm_min, fields.tm_sec].map { padded($0, 2) }
    return date.joined(separator: "-") + "T" + clock.joined(separator: ":") + "Z"
  }

  /// The digits of a text of this form, in which `d` stands for one.
  private static func digits(of text: ArraySlice<UInt8>, _ form: [UInt8]) -> [Int32]? {
    guard text.count == form.count else { return nil }
    var digits: [Int32] = []
    for (character, wanted) in zip(text, form) {
      if wanted == UInt8(ascii: "d") {
        guard (0x30...0x39).contains(character) else { return nil }
        digits.append(Int32(character) - 0x30)
      } else if character != wanted {
        return nil
      }
    }
    return digits
  }

  /// What 14 digits of year, month, day, hour, minute and second say.
  private static func fields(_ digits: [Int32]) -> tm {
    func number(_ start: Int) -> Int32 { digits[start] * 10 + digits[start + 1] }
    var fields = tm()
    fields.tm_year = number(0) * 100 + number(2) - 1_900
    fields.tm_mon = number(4) - 1
    fields.tm_mday = number(6)
    fields.tm_hour = number(8)
    fields.tm_min = number(10)
    fields.tm_sec = number(12)
    return fields
  }

  /// The same in UTC as seconds since 1970; nil for a date that there is not.
  private static func seconds(_ digits: [Int32]) -> Int64? {
    let asked = fields(digits)
    var fields = asked
    let seconds = Int64(timegm(&fields))
    // What is out of range was carried over: the 31st of February is no date.
    guard fields.tm_mon == asked.tm_mon, fields.tm_mday == asked.tm_mday, fields.tm_hour == asked.tm_hour,
      fields.tm_min == asked.tm_min, fields.tm_sec == asked.tm_sec
    else { return nil }
    return seconds
  }

  /// What follows a fraction of a second, or the text itself without one; nil when the fraction has no digit.
  private static func afterFraction(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard text.first == UInt8(ascii: ".") else { return text }
    let rest = text.dropFirst().drop { (0x30...0x39).contains($0) }
    return text.count - rest.count > 1 ? rest : nil
  }

  /// How far local time is ahead of UTC, in seconds: `Z`, `+02:00`.
  private static func offset(_ text: ArraySlice<UInt8>?) -> Int64? {
    guard let text, let sign = text.first else { return nil }
    if sign == UInt8(ascii: "Z") { return text.count == 1 ? 0 : nil }
    guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
      let digits = digits(of: text.dropFirst(), Array("dd:dd".utf8))
    else { return nil }
    let (hours, minutes) = (digits[0] * 10 + digits[1], digits[2] * 10 + digits[3])
    guard hours < 24, minutes < 60 else { return nil }
    let seconds = Int64(hours * 60 + minutes) * 60
    return sign == UInt8(ascii: "-") ? -seconds : seconds
  }
}
