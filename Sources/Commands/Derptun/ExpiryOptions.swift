import ArgumentParser
import Glibc

/// When a new token stops to be accepted.
struct ExpiryOptions: ParsableArguments {
  private static let secondsADay: Int64 = 86_400
  /// 9999-12-31T23:59:59Z, the last moment that RFC 3339 can write.
  private static let latest: Int64 = 253_402_300_799

  @Option(
    name: .long,
    help: ArgumentHelp("Expire after so many days; 0 means the default.", valueName: "count"))
  var days: Int64 = 0

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Expire at this time: RFC 3339, or a date, which begins at midnight here.", valueName: "time"))
  var expires: String?

  /// What was asked for, in seconds of Unix time; nil when it is left to the default.
  func unixSeconds(now: Int64) throws(CommandFailure) -> Int64? {
    guard days == 0 || expires == nil else { throw Self.failure("give --days or --expires, not both") }
    guard days >= 0 else { throw Self.failure("days must be at least 1") }
    if days > 0 { return try Self.checked(Self.after(days: days, now: now), now: now) }
    guard let expires else { return nil }
    guard let seconds = Timestamp.parse(expires) ?? Timestamp.parse(localDate: expires) else {
      throw Self.failure(
        "--expires takes a time such as 2027-12-31T00:00:00Z, or a date such as 2027-12-31")
    }
    return try Self.checked(seconds, now: now)
  }

  /// So many days from now, or the end of time.
  static func after(days: Int64, now: Int64) -> Int64 {
    let (seconds, isTooMany) = days.multipliedReportingOverflow(by: secondsADay)
    let (sum, isTooLate) = now.addingReportingOverflow(seconds)
    return isTooMany || isTooLate ? .max : sum
  }

  private static func checked(_ seconds: Int64, now: Int64) throws(CommandFailure) -> Int64 {
    guard seconds > now else { throw failure("expiry must be in the future") }
    guard seconds <= latest else { throw failure("expiry must lie before the year 10000") }
    return seconds
  }

  private static func failure(_ message: String) -> CommandFailure {
    CommandFailure(message, status: ExitStatus.usage)
  }
}
