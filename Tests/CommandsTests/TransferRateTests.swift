import Testing

@testable import Commands

@Suite struct TransferRateTests {
  @Test(arguments: [
    ("1", 1), ("500k", 500_000), ("500K", 500_000), ("2M", 2_000_000), ("1.5MiB", 1_572_864), ("1Ki", 1_024),
    ("10Mbit", 1_250_000), ("10mbit/s", 1_250_000), ("8bit", 1), ("9bits", 1), ("3GB/s", 3_000_000_000),
    ("1T", 1_000_000_000_000),
    ("7B", 7), (".5k", 500), ("1Mibit", 131_072),
  ]) func rates(_ text: String, _ bytes: UInt64) throws {
    #expect(try TransferRate(text).bytesPerSecond == bytes)
  }

  @Test(arguments: [
    ("", TransferRateError.notANumber), ("k", .notANumber), ("-1", .notANumber), ("1.2.3", .notANumber),
    ("inf", .notANumber),
    ("10Mb", .bitsOrBytes), ("1x", .unknownUnit), ("1i", .unknownUnit), ("1 M", .unknownUnit),
    ("1MBB", .unknownUnit),
    ("0", .tooLow), ("7bit", .tooLow), ("0.4", .tooLow), ("9999999999T", .tooHigh),
  ]) func noRates(_ text: String, _ error: TransferRateError) {
    #expect(throws: error) { try TransferRate(text) }
  }
}
