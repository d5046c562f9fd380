import Glibc
import Testing

@testable import Commands

@Suite struct ExpiryTests {
  private func seconds(_ arguments: [String], now: Int64 = 1_000) throws -> Int64? {
    try ExpiryOptions.parse(arguments).unixSeconds(now: now)
  }

  private func message(_ arguments: [String], now: Int64 = 1_000) -> String? {
    do {
      _ = try seconds(arguments, now: now)
      return nil
    } catch {
      return (error as? CommandFailure).map { failure in
        #expect(failure.status == ExitStatus.usage)
        return failure.message
      }
    }
  }

  @Test func daysCountFromNow() throws {
    #expect(try seconds(["--days", "1"]) == 87_400)
    #expect(try seconds(["--days", "0"]) == nil)
    #expect(try seconds([]) == nil)
    #expect(message(["--days=-1"]) == "days must be at least 1")
    #expect(message(["--days", "\(Int64.max)"])?.contains("year 10000") == true)
    #expect(message(["--days", "1", "--expires", "2030-01-01"])?.contains("not both") == true)
  }

  @Test func timesAreRFC3339OrADateHere() throws {
    #expect(try seconds(["--expires", "1970-01-01T00:16:41Z"]) == 1_001)
    #expect(message(["--expires", "1970-01-01T00:16:40Z"]) == "expiry must be in the future")
    #expect(try seconds(["--expires", "2030-06-01"]) == Timestamp.parse(localDate: "2030-06-01"))
    for text in ["", "tomorrow", "2030-02-30", "2030-1-1", "2030-01-01 00:00:00Z", "1767225600"] {
      #expect(message(["--expires", text])?.contains("--expires takes") == true, "\(text)")
    }
  }

  @Test func timestamps() {
    #expect(Timestamp.parse("1970-01-02T00:00:00Z") == 86_400)
    #expect(Timestamp.parse("1970-01-02T02:00:00+02:00") == 86_400)
    #expect(Timestamp.parse("1970-01-01T18:30:00-05:30") == 86_400)
    #expect(Timestamp.parse("1970-01-02T00:00:00.999Z") == 86_400)
    for text in [
      "1970-01-02T00:00:00", "1970-01-02T00:00:00.Z", "1970-01-02T00:00:00ZZ", "1970-01-02T00:00:00+2:00",
      "1970-01-02T00:00:00+24:00", "1970-01-02T00:00:00+00:60", "1970-01-02T24:00:00Z", "1970-01-02",
    ] {
      #expect(Timestamp.parse(text) == nil, "\(text)")
    }
    #expect(Timestamp.text(86_399) == "1970-01-01T23:59:59Z")
    #expect(Timestamp.text(253_402_300_799) == "9999-12-31T23:59:59Z")
    #expect(Timestamp.text(253_402_300_800) == nil)
    #expect(Timestamp.text(.max) == nil)
  }

  @Test func aDateBeginsAtMidnightHere() throws {
    for text in ["2030-01-01", "2030-07-01"] {
      var time = time_t(try #require(Timestamp.parse(localDate: text)))
      var fields = tm()
      localtime_r(&time, &fields)
      #expect([fields.tm_hour, fields.tm_min, fields.tm_sec, fields.tm_mday] == [0, 0, 0, 1])
    }
    for text in ["2030-02-29", "2030-01-01T", "2030-13-01", "30-01-01"] {
      #expect(Timestamp.parse(localDate: text) == nil)
    }
  }

  @Test func twoUnitsTellHowLong() {
    func left(_ seconds: Int64) -> String { TimeLeft.text(until: 1_000 + seconds, now: 1_000) }
    #expect(left(1) == "1 second left")
    #expect(left(61) == "1 minute 1 second left")
    #expect(left(3_600) == "1 hour left")
    #expect(left(90 * 86_400 + 3_599) == "90 days left")
    #expect(left(86_400 + 7_200) == "1 day 2 hours left")
    #expect(left(0) == "expired 0 seconds ago")
    #expect(left(-120) == "expired 2 minutes ago")
    #expect(TimeLeft.text(until: .max, now: -1).hasSuffix("left"))
    #expect(TimeLeft.text(until: .min, now: 1).hasSuffix("ago"))
  }
}
