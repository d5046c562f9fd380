import Testing

@testable import Wire

@Suite("Candidates and addresses")
struct CandidateTests {
  @Test("candidate strings are valid, usable and ranked as upstream has it")
  func vectors() throws {
    let vectors = try Vector.load("candidates")
    for one in vectors["cases"].list {
      let text = one["candidate"].text
      let strict = Candidate(text)
      let lenient = Candidate(text, allowingLoopback: true)
      #expect((Candidate.parseClaim([text]) != nil) == one["claim_valid"].bool, "\(text)")
      #expect(
        (Candidate.parseClaim([text], allowingLoopback: true) != nil)
          == one["claim_valid_fake_transport"].bool, "\(text)")
      #expect((strict != nil) == one["peer_usable"].bool, "\(text)")
      #expect((lenient != nil) == one["local_usable"].bool, "\(text)")
      #expect(lenient?.description == one["address"].optionalText, "\(text)")
      if let lenient { #expect(lenient.rank == one["rank"].integer, "\(text)") }
    }
  }

  @Test("a claim may not name an address twice, nor more than 32")
  func claims() {
    #expect(Candidate.parseClaim(["203.0.113.9:1", "[::ffff:203.0.113.9]:1"]) == nil)
    let many = (0..<33).map { "203.0.113.9:\(1000 + $0)" }
    #expect(Candidate.parseClaim(many) == nil)
    #expect(Candidate.parseClaim(Array(many.dropLast()))?.count == 32)
  }

  @Test(
    "IPv6 text is written by RFC 5952",
    arguments: [
      ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0db8::0001", "2001:db8::1"),
      ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
      ("0:0:0:0:0:0:0:1", "::1"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
      ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
      ("2001:0:0:1::1", "2001:0:0:1::1"), ("fe80:0:0:0:1:0:0:0", "fe80::1:0:0:0"),
      ("::ffff:1.2.3.4", "::ffff:1.2.3.4"), ("::ffff:102:304", "::ffff:1.2.3.4"), ("::1.2.3.4", "::102:304"),
      ("64:ff9b::1.2.3.4", "64:ff9b::102:304"), ("1.2.3.4", "1.2.3.4"), ("ABCD::EF", "abcd::ef"),
    ])
  func canonicalText(_ spelling: String, _ canonical: String) {
    #expect(IPAddress(spelling)?.description == canonical)
  }

  @Test(
    "text that is no address is refused",
    arguments: [
      "", ":", ":::", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "1.2.3.4::", "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4",
      "1:2:3:4:5:6:7:8::", "fe80::1%eth0", "[::1]", "::1:", ":1::", "+1.2.3.4", "１.2.3.4",
    ])
  func refused(_ text: String) {
    #expect(IPAddress(text) == nil)
  }
}
