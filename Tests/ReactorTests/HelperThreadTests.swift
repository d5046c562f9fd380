import Basics
import Glibc
import Testing

@testable import Reactor

@Suite struct HelperThreadTests {
  @Test func resultsComeBackOnTheLoopInOrder() throws {
    let test = try TestLoop()
    let helper = try HelperThread<UInt64>(test.loop, capacity: 3)
    let here = UInt64(pthread_self())
    var results: [Int] = []
    var workers: [UInt64] = []
    for number in 0..<3 {
      let isQueued = helper.submit {
        UInt64(pthread_self())
      } finished: { worker in
        results.append(number)
        workers.append(worker)
        #expect(UInt64(pthread_self()) == here)
        if number == 2 { test.loop.stop() }
      }
      #expect(isQueued)
    }
    #expect(test.run())
    #expect(results == [0, 1, 2])
    #expect(Set(workers).count == 1)
    #expect(workers.first != here)
  }

  @Test func theQueueIsBoundedAndCloseForgetsIt() throws {
    let test = try TestLoop()
    let (near, far) = socketPair()
    let helper = try HelperThread<Int>(test.loop, capacity: 2)
    // Both ends in blocking mode: the job waits until the test lets it go.
    let first = helper.submit {
      var byte: UInt8 = 0
      return read(near, &byte, 1)
    } finished: { _ in
      Issue.record("closed, and called all the same")
    }
    let second = helper.submit({ 2 }, finished: { _ in Issue.record("closed, and called all the same") })
    let third = helper.submit({ 3 }, finished: { _ in })
    #expect(first && second && !third)
    helper.close()
    let afterwards = helper.submit({ 4 }, finished: { _ in })
    #expect(!afterwards)
    var byte: UInt8 = 1
    write(far, &byte, 1)
    test.loop.defer { test.loop.stop() }
    #expect(test.run())
    close(far)
  }
}
