import Foundation

/// A value that one thread sets or changes and others wait for, with a deadline.
final class Mailbox<Value: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var value: Value

  init(_ value: Value) { self.value = value }

  var current: Value {
    condition.lock()
    defer { condition.unlock() }
    return value
  }

  /// Changes the value and wakes who waits.
  func update<Result>(_ change: (inout Value) -> Result) -> Result {
    condition.lock()
    defer { condition.unlock() }
    defer { condition.broadcast() }
    return change(&value)
  }

  /// Waits until `pick` finds something in the value; nil when that has not happened within `seconds`.
  func wait<Found>(within seconds: Double, for pick: (Value) -> Found?) -> Found? {
    let deadline = Date(timeIntervalSinceNow: seconds)
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let found = pick(value) { return found }
      if !condition.wait(until: deadline) { return pick(value) }
    }
  }
}

/// Runs blocking work on a thread of its own, so that tests that mostly wait can do so side by side.
func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
  }
}

/// Why a test could not go on.
struct TestFailure: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}
