import Wire

/// The decoder under test. One binary serves all targets: it takes the name that it was started by.
nonisolated(unsafe) private var target = WireTarget.envelope

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
  let path = arguments.pointee[0].map { String(cString: $0) } ?? ""
  let name = String(path.split(separator: "/").last ?? "")
  guard let named = WireTarget(rawValue: name) else {
    fatalError("no target is called \(name): start one of the links in fuzz/.build")
  }
  target = named
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  if let violation = target.violation(UnsafeRawBufferPointer(start: bytes, count: count)) {
    fatalError("\(target.rawValue): \(violation)")
  }
  return 0
}
