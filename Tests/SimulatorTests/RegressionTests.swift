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
      seed: 1833,
      what:
        "frames as large as a shrunk path no longer carries were lost for ever, small checks were answered",
      options: """
        payload=857472 claimant-sends=true acceptor=true claimant=true rival=false
        claimant-start=144us rival-start=144us token-life=120000000us frames-per-epoch=8388608
        largest-frame=41803 patience=60000000us claimant-latency=781us acceptor-latency=828us
        claimant-rate=89830 acceptor-rate=89830 connection-buffer=15350 largest-piece=2860
        source-step=812 source-pause=23660us output-step=0 output-pause=8480us close-delay=0us
        relay-rate=0 fast-start=false claimant-barred=false loss=1 double=298 delay=0 reorder=0
        corrupt=4 replay=0 longest-delay=106900us faults-end=437181us
        faults=shrink-mtu@direct+1926us udp=true shared=none stun-servers=2 dead-servers=0
        stun-delay=378us udp-loss=0 udp-double=0 udp-reorder=0 udp-corrupt=0 udp-replay=0
        udp-reflect=0 udp-redirect=0 udp-forge=0 batch=1 gathering=1498us socket-buffer=4194304
        shrunk-mtu=576 claimant-nats=none claimant-ipv4=true claimant-ipv6=firewalled
        claimant-udp-blocked=false claimant-udp-delay=8475us claimant-udp-rate=31068711
        claimant-udp-queue=887616 claimant-mtu=1280 claimant-hop-mtu=1500 claimant-port-mapped=false
        claimant-relay-only=false claimant-refused-sockets=none
        acceptor-nats=apd-ad-preserving-plain-120s acceptor-ipv4=true acceptor-ipv6=open
        acceptor-udp-blocked=false acceptor-udp-delay=8475us acceptor-udp-rate=807871
        acceptor-udp-queue=27451 acceptor-mtu=1500 acceptor-hop-mtu=9000 acceptor-port-mapped=false
        acceptor-relay-only=false acceptor-refused-sockets=none
        """),
    Finding(
      seed: 2237, what: "the same behind two layers of NAT, with other losses",
      options: """
        payload=999803 claimant-sends=true acceptor=true claimant=true rival=false
        claimant-start=10251us rival-start=1303us token-life=120000000us frames-per-epoch=4096
        largest-frame=1531 patience=60000000us claimant-latency=19176us acceptor-latency=19176us
        claimant-rate=384663 acceptor-rate=384663 connection-buffer=165357 largest-piece=18896
        source-step=613 source-pause=17775us output-step=0 output-pause=0us close-delay=828us
        relay-rate=0 fast-start=true claimant-barred=false loss=61 double=0 delay=21 reorder=0
        corrupt=0 replay=0 longest-delay=88495us faults-end=343437us
        faults=shrink-mtu@direct+62746us udp=true shared=home stun-servers=1 dead-servers=0
        stun-delay=101234us udp-loss=4 udp-double=30 udp-reorder=0 udp-corrupt=86 udp-replay=0
        udp-reflect=0 udp-redirect=0 udp-forge=0 batch=1 gathering=0us socket-buffer=71825
        shrunk-mtu=576 claimant-nats=ad-apd-preserving-plain-120s+apd-ei-random-plain-120s
        claimant-ipv4=true claimant-ipv6=none claimant-udp-blocked=false claimant-udp-delay=3267us
        claimant-udp-rate=32734175 claimant-udp-queue=912031 claimant-mtu=1500 claimant-hop-mtu=1500
        claimant-port-mapped=false claimant-relay-only=false claimant-refused-sockets=none
        acceptor-nats=ei-apd-preserving-hairpin-120s acceptor-ipv4=true acceptor-ipv6=none
        acceptor-udp-blocked=false acceptor-udp-delay=9002us acceptor-udp-rate=32734175
        acceptor-udp-queue=17631 acceptor-mtu=9000 acceptor-hop-mtu=9000 acceptor-port-mapped=false
        acceptor-relay-only=false acceptor-refused-sockets=none
        """),
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
    Finding(
      seed: 1087,
      what:
        "a claimant whose streams had ended before a frame of the plane came was taken for one that gives up",
      options: """
        payload=14 claimant-sends=true streams=4 acceptor=true claimant=true rival=false
        claimant-start=2755us rival-start=2755us token-life=120000000us frames-per-epoch=4096
        largest-frame=65500 patience=60000000us claimant-latency=2150us acceptor-latency=2150us
        claimant-rate=138403090 acceptor-rate=138403090 connection-buffer=4969 largest-piece=5981
        source-step=67592 source-pause=3407us output-step=0 output-pause=0us close-delay=0us relay-rate=0
        fast-start=false claimant-barred=false loss=10 double=0 delay=32 reorder=8 corrupt=86 replay=0
        longest-delay=103945us faults-end=145179us faults= udp=true shared=none stun-servers=2
        dead-servers=1 stun-delay=2555us udp-loss=0 udp-double=0 udp-reorder=0 udp-corrupt=0 udp-replay=0
        udp-reflect=0 udp-redirect=0 udp-forge=0 batch=64 gathering=0us socket-buffer=4194304
        detour=120000us ipv6-lag=0us shrunk-mtu=1280 claimant-nats=ei-ei-preserving-plain-300s
        claimant-ipv4=true claimant-ipv6=open claimant-udp-blocked=false claimant-udp-delay=43us
        claimant-udp-rate=8453977 claimant-udp-queue=68820 claimant-mtu=1500 claimant-hop-mtu=1500
        claimant-port-mapped=true claimant-relay-only=true claimant-refused-sockets=none
        acceptor-nats=ei-apd-random-hairpin-300s acceptor-ipv4=true acceptor-ipv6=none
        acceptor-udp-blocked=false acceptor-udp-delay=43us acceptor-udp-rate=8453977
        acceptor-udp-queue=274352 acceptor-mtu=1500 acceptor-hop-mtu=1500 acceptor-port-mapped=true
        acceptor-relay-only=false acceptor-refused-sockets=none
        """),
    Finding(
      seed: 1928,
      what: "streams stayed on a path that carried only small packets: answered pings spoke for it",
      options: """
        payload=22774 claimant-sends=false streams=11 acceptor=true claimant=true rival=false
        claimant-start=800us rival-start=800us token-life=120000000us frames-per-epoch=1024
        largest-frame=65500 patience=60000000us claimant-latency=1169us acceptor-latency=1585us
        claimant-rate=2842878 acceptor-rate=198747539 connection-buffer=4200 largest-piece=76
        source-step=118 source-pause=129481us output-step=0 output-pause=0us close-delay=1331703us
        relay-rate=0 fast-start=false claimant-barred=false loss=0 double=0 delay=0 reorder=0 corrupt=0
        replay=0 longest-delay=500000us faults-end=5000000us faults=shrink-mtu@direct+672us udp=true
        shared=carrier stun-servers=2 dead-servers=0 stun-delay=1071us udp-loss=0 udp-double=0 udp-reorder=0
        udp-corrupt=0 udp-replay=0 udp-reflect=0 udp-redirect=0 udp-forge=0 batch=1 gathering=360us
        socket-buffer=4194304 detour=120000us ipv6-lag=0us shrunk-mtu=576
        claimant-nats=ei-apd-random-plain-30s claimant-ipv4=true claimant-ipv6=open
        claimant-udp-blocked=false claimant-udp-delay=621us claimant-udp-rate=3622950
        claimant-udp-queue=59717 claimant-mtu=1500 claimant-hop-mtu=9000 claimant-port-mapped=true
        claimant-relay-only=false claimant-refused-sockets=none acceptor-nats=none acceptor-ipv4=true
        acceptor-ipv6=open acceptor-udp-blocked=false acceptor-udp-delay=621us acceptor-udp-rate=3622950
        acceptor-udp-queue=188433 acceptor-mtu=9000 acceptor-hop-mtu=9000 acceptor-port-mapped=false
        acceptor-relay-only=false acceptor-refused-sockets=none
        """),
    Finding(
      seed: 2279, what: "a damaged first packet ended the session of streams",
      options: """
        payload=178 claimant-sends=true streams=31 acceptor=true claimant=true rival=false
        claimant-start=226891us rival-start=226891us token-life=120000000us frames-per-epoch=4096
        largest-frame=3588 patience=60000000us claimant-latency=60us acceptor-latency=11715us
        claimant-rate=32685482 acceptor-rate=32685482 connection-buffer=83864 largest-piece=28035
        source-step=0 source-pause=0us output-step=0 output-pause=0us close-delay=2821us relay-rate=0
        fast-start=false claimant-barred=false loss=91 double=2 delay=0 reorder=0 corrupt=96 replay=0
        longest-delay=199946us faults-end=269289us faults= udp=true shared=none stun-servers=2
        dead-servers=0 stun-delay=1201us udp-loss=0 udp-double=0 udp-reorder=0 udp-corrupt=0 udp-replay=0
        udp-reflect=0 udp-redirect=0 udp-forge=0 batch=1 gathering=0us socket-buffer=150545 detour=120000us
        ipv6-lag=0us shrunk-mtu=1280 claimant-nats=ei-apd-sequential-hairpin-60s claimant-ipv4=true
        claimant-ipv6=none claimant-udp-blocked=false claimant-udp-delay=632us claimant-udp-rate=269295
        claimant-udp-queue=29425 claimant-mtu=1500 claimant-hop-mtu=1500 claimant-port-mapped=false
        claimant-relay-only=false claimant-refused-sockets=extra
        acceptor-nats=apd-ad-preserving-hairpin-300s acceptor-ipv4=true acceptor-ipv6=none
        acceptor-udp-blocked=false acceptor-udp-delay=7173us acceptor-udp-rate=401272
        acceptor-udp-queue=31578 acceptor-mtu=1500 acceptor-hop-mtu=1500 acceptor-port-mapped=false
        acceptor-relay-only=false acceptor-refused-sockets=ipv6
        """),
    Finding(
      seed: 103_294,
      what: "stream data before the handshake was confirmed took the window of its retransmission",
      options: """
        payload=58000 claimant-sends=true streams=6 acceptor=true claimant=true rival=false
        claimant-start=0us rival-start=46770us token-life=120000000us frames-per-epoch=1024
        largest-frame=65500 patience=60000000us claimant-latency=9788us acceptor-latency=124035us
        claimant-rate=2680017 acceptor-rate=2680017 connection-buffer=837920 largest-piece=29 source-step=0
        source-pause=0us output-step=0 output-pause=0us close-delay=173us relay-rate=0 fast-start=true
        claimant-barred=false loss=84 double=0 delay=0 reorder=0 corrupt=5 replay=0 longest-delay=672100us
        faults-end=7383698us
        faults=detour@direct+109107us,detour-ends@relayed+0us,cut-direct@relayed+123504us,heal-direct@relayed+4123504us
        udp=true shared=home stun-servers=1 dead-servers=0 stun-delay=650us udp-loss=2 udp-double=7
        udp-reorder=1 udp-corrupt=12 udp-replay=0 udp-reflect=0 udp-redirect=0 udp-forge=0 batch=8
        gathering=0us socket-buffer=4194304 detour=2269000us ipv6-lag=0us shrunk-mtu=1280 claimant-nats=none
        claimant-ipv4=true claimant-ipv6=none claimant-udp-blocked=false claimant-udp-delay=34449us
        claimant-udp-rate=787239 claimant-udp-queue=22673 claimant-mtu=1500 claimant-hop-mtu=1500
        claimant-port-mapped=false claimant-relay-only=false claimant-refused-sockets=none
        acceptor-nats=ad-ad-sequential-hairpin-30s acceptor-ipv4=true acceptor-ipv6=none
        acceptor-udp-blocked=false acceptor-udp-delay=4146us acceptor-udp-rate=787239
        acceptor-udp-queue=25105 acceptor-mtu=1500 acceptor-hop-mtu=1500 acceptor-port-mapped=false
        acceptor-relay-only=false acceptor-refused-sockets=ipv6
        """),
    Finding(
      seed: 116_783, what: "a probe that its budget did not cover waited for ever",
      options: """
        payload=5498260 claimant-sends=true streams=0 acceptor=true claimant=true rival=false
        claimant-start=90425us rival-start=90425us token-life=120000000us frames-per-epoch=4096
        largest-frame=65500 patience=60000000us claimant-latency=3355us acceptor-latency=3355us
        claimant-rate=10401030 acceptor-rate=10401030 connection-buffer=318980 largest-piece=62539
        source-step=0 source-pause=0us output-step=0 output-pause=0us close-delay=287us relay-rate=0
        fast-start=false claimant-barred=false loss=246 double=0 delay=0 reorder=370 corrupt=11 replay=0
        longest-delay=6209us faults-end=12086994us
        faults=drop-acceptor@claiming+2us,drop-acceptor@claiming+1022911us,relay-freezes@claiming+1022930us,relay-thaws@claiming+1707050us
        udp=false shared=none stun-servers=2 dead-servers=0 stun-delay=20000us udp-loss=0 udp-double=0
        udp-reorder=0 udp-corrupt=0 udp-replay=0 udp-reflect=0 udp-redirect=0 udp-forge=0 batch=64
        gathering=0us socket-buffer=4194304 detour=120000us ipv6-lag=0us shrunk-mtu=1280 claimant-nats=none
        claimant-ipv4=true claimant-ipv6=none claimant-udp-blocked=false claimant-udp-delay=1000us
        claimant-udp-rate=10000000 claimant-udp-queue=262144 claimant-mtu=1500 claimant-hop-mtu=1500
        claimant-port-mapped=false claimant-relay-only=false claimant-refused-sockets=none
        acceptor-nats=none acceptor-ipv4=true acceptor-ipv6=none acceptor-udp-blocked=false
        acceptor-udp-delay=1000us acceptor-udp-rate=10000000 acceptor-udp-queue=262144 acceptor-mtu=1500
        acceptor-hop-mtu=1500 acceptor-port-mapped=false acceptor-relay-only=false
        acceptor-refused-sockets=none
        """),
  ]

  @Test("It stays found", arguments: findings)
  func regression(finding: Finding) throws {
    var options = Options.draw(seed: finding.seed, scenario: .calm)
    // Those without a datagram network, or datagrams beside their streams, do not say so.
    try options.set("udp=false")
    try options.set("stream-datagrams=0")
    for assignment in finding.options.split(whereSeparator: \.isWhitespace) {
      try options.set(String(assignment))
    }
    let result = Simulation.run(options)
    #expect(result.violation == nil, "\(result.replayCommand)")
  }
}
