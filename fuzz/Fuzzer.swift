import Wire

/// The decoder under test. One binary serves all targets: it takes the name that it was started by.
nonisolated(unsafe) private var violation: (UnsafeRawBufferPointer) -> String? = { _ in nil }
nonisolated(unsafe) private var name = ""

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
  let path = arguments.pointee[0].map { String(cString: $0) } ?? ""
  name = String(path.split(separator: "/").last ?? "")
  if let target = WireTarget(rawValue: name) {
    violation = target.violation
  } else if let target = ArchiveTarget(rawValue: name) {
    violation = target.violation
  } else {
    fatalError("no target is called \(name): start one of the links in fuzz/.build")
  }
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  if let violation = violation(UnsafeRawBufferPointer(start: bytes, count: count)) {
    fatalError("\(name): \(violation)")
  }
  return 0
}
