import Testing

@testable import Simulator

/// Runs that once went wrong, with all their options, so that they stay the same when seeds are drawn differently.
@Suite("Seeds that found a bug")
struct RegressionTests {
  struct Finding: CustomTestStringConvertible, Sendable {
    let seed: UInt64
    let what: String
    let options: String

    var testDescription: String { "seed \(seed): \(what)" }
  }

  static let findings = [
    Finding(
      seed: 94, what: "a deadline that only poll serves stayed due while the connection took nothing",
      options: """
        payload=10876 claimant-sends=true acceptor=true claimant=true rival=false claimant-start=0us
        rival-start=0us token-life=120000000us frames-per-epoch=1024 largest-frame=10372
        patience=60000000us claimant-latency=42us acceptor-latency=140us claimant-rate=131177
        acceptor-rate=57075 connection-buffer=7318 largest-piece=1460 source-step=0 source-pause=0us
        output-step=0 output-pause=0us close-delay=0us relay-rate=0 fast-start=true
        claimant-barred=false loss=14 double=5 delay=16 reorder=4 corrupt=0 replay=0
        longest-delay=284555us faults-end=250953us faults=
        """),
    Finding(
      seed: 35, what: "the receiver of a complete payload left before its sender was back on the relay",
      options: """
        payload=13 claimant-sends=true acceptor=true claimant=true rival=false claimant-start=126us
        rival-start=257us token-life=120000000us frames-per-epoch=8388608 largest-frame=1257
        patience=60000000us claimant-latency=8394us acceptor-latency=83us claimant-rate=7712157
        acceptor-rate=7712157 connection-buffer=19502 largest-piece=4 source-step=30733
        source-pause=25612us output-step=0 output-pause=0us close-delay=377987us relay-rate=0
        fast-start=true claimant-barred=false loss=0 double=0 delay=0 reorder=0 corrupt=0 replay=0
        longest-delay=500000us faults-end=5000000us
        faults=relay-down@established+309us,relay-up@established+8693631us,\
        relay-down@established+8693836us,relay-up@established+8715551us,\
        relay-down@established+8715630us,relay-up@established+8729364us
        """),
    Finding(
      seed: 682, what: "the sender's silence after a lost goodbye made a failure of the receiver's success",
      options: """
        payload=52 claimant-sends=true acceptor=true claimant=true rival=false claimant-start=0us
        rival-start=603037us token-life=120000000us frames-per-epoch=8388608 largest-frame=65500
        patience=60000000us claimant-latency=59us acceptor-latency=89509us claimant-rate=82776
        acceptor-rate=82776 connection-buffer=39923 largest-piece=9 source-step=0 source-pause=0us
        output-step=0 output-pause=0us close-delay=383us relay-rate=352704 fast-start=false
        claimant-barred=false loss=188 double=0 delay=0 reorder=0 corrupt=43 replay=0
        longest-delay=4723us faults-end=3208102us faults=
        """),
    Finding(
      seed: 445, what: "a claimant that was let go took the acceptor's payload with it",
      options: """
        payload=363247 claimant-sends=false acceptor=true claimant=true rival=false
        claimant-start=1548338us rival-start=1548338us token-life=120000000us frames-per-epoch=512
        largest-frame=65500 patience=60000000us claimant-latency=21us acceptor-latency=21us
        claimant-rate=93917900 acceptor-rate=12655540 connection-buffer=28506 largest-piece=10717
        source-step=0 source-pause=0us output-step=0 output-pause=0us close-delay=0us relay-rate=0
        fast-start=false claimant-barred=false loss=0 double=0 delay=0 reorder=0 corrupt=0 replay=0
        longest-delay=500000us faults-end=5000000us
        faults=garbage@claiming+7365us,stray-claim@209708us,stray-claim@established+522482us
        """),
    Finding(
      seed: 249, what: "an output that failed and was then closed counted as complete",
      options: """
        payload=8000 claimant-sends=false acceptor=true claimant=true rival=false
        claimant-start=374360us rival-start=130419us token-life=60000000us frames-per-epoch=1024
        largest-frame=65500 patience=60000000us claimant-latency=27us acceptor-latency=7041us
        claimant-rate=91103 acceptor-rate=4644518 connection-buffer=77187 largest-piece=4 source-step=0
        source-pause=0us output-step=0 output-pause=0us close-delay=195us relay-rate=0 fast-start=true
        claimant-barred=false loss=0 double=0 delay=0 reorder=129 corrupt=2 replay=59
        longest-delay=24419us faults-end=13765457us faults=output-fails@accepted+427us
        """),
    Finding(
      seed: 17, what: "a claimant that receives sent its proof only once",
      options: """
        payload=266204 claimant-sends=false acceptor=true claimant=true rival=false
        claimant-start=849960us rival-start=849960us token-life=120000000us frames-per-epoch=1024
        largest-frame=6629 patience=60000000us claimant-latency=19854us acceptor-latency=19880us
        claimant-rate=96404655 acceptor-rate=6424513 connection-buffer=4194304 largest-piece=4422
        source-step=0 source-pause=0us output-step=8693 output-pause=170898us close-delay=252us
        relay-rate=0 fast-start=true claimant-barred=false loss=159 double=8 delay=0 reorder=0 corrupt=1
        replay=0 longest-delay=834056us faults-end=12839308us faults=
        """),
    Finding(
      seed: 120_051, what: "a lost copy of what had arrived kept a probe due for ever",
      options: """
        payload=137 claimant-sends=false acceptor=true claimant=true rival=false
        claimant-start=18796us rival-start=18796us token-life=120000000us frames-per-epoch=8388608
        largest-frame=5008 patience=60000000us claimant-latency=249848us acceptor-latency=249848us
        claimant-rate=148695 acceptor-rate=148695 connection-buffer=63629 largest-piece=134929
        source-step=0 source-pause=0us output-step=0 output-pause=0us close-delay=1776181us
        relay-rate=0 fast-start=true claimant-barred=false loss=0 double=3 delay=0 reorder=0
        corrupt=7 replay=0 longest-delay=7948us faults-end=5205738us faults=
        """),
  ]

  @Test("It stays found", arguments: findings)
  func regression(finding: Finding) throws {
    var options = Options.draw(seed: finding.seed, scenario: .calm)
    // Those without a datagram network do not say so.
    try options.set("udp=false")
    for assignment in finding.options.split(whereSeparator: \.isWhitespace) {
      try options.set(String(assignment))
    }
    let result = Simulation.run(options)
    #expect(result.violation == nil, "\(result.replayCommand)")
  }
}
