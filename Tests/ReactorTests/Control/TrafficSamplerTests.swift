import Basics
import Reactor
import Testing

@Suite struct TrafficSamplerTests {
  @Test func aRateIsWhatTheCountsGrewByBetweenLooks() throws {
    let test = try TestLoop()
    var looks: UInt64 = 0
    let start = test.loop.now
    let sampler = TrafficSampler(test.loop, interval: .milliseconds(5)) {
      looks += 1
      var samples = [
        TrafficSampler.Sample(id: 1, bytesIn: looks * 1_000_000, bytesOut: looks * 5_000),
        TrafficSampler.Sample(id: 2, bytesIn: 7, bytesOut: 100 - looks),
      ]
      if looks == 2 { samples.append(TrafficSampler.Sample(id: 3, bytesIn: .max, bytesOut: .max)) }
      return samples
    }
    #expect(sampler[1] == TrafficSampler.Rates())
    #expect(test.run { looks == 1 })
    #expect(sampler[1] == TrafficSampler.Rates(), "one look makes no rate")
    #expect(test.run { looks == 2 })
    // A timer is never early; how late it was bounds the rate from below.
    let elapsed = (test.loop.now - start).inSeconds
    #expect((UInt64(1_000_000 / elapsed)...200_000_000).contains(sampler[1].bytesIn))
    #expect((UInt64(5_000 / elapsed)...1_000_000).contains(sampler[1].bytesOut))
    #expect(sampler[2] == TrafficSampler.Rates(), "neither standing still nor going back is a rate")
    #expect(sampler[3] == TrafficSampler.Rates(), "who just came has none yet")
    #expect(test.run { looks == 3 })
    #expect(sampler[3] == TrafficSampler.Rates(), "who left has none any more")
  }
}
