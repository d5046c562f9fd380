import Glibc

extension RelayHost {
  /// Allows the process as many open files as the system lets it have, and says how many connections that is
  /// good for.
  public static func raiseOpenFiles() -> Int {
    // For standard streams, event loop, listener, STUN, and files of libraries.
    let reserve = 32
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 - reserve }
    // More than a million would only make the kernel's tables large.
    let wanted = min(limit.rlim_max, 1 << 20)
    if limit.rlim_cur < wanted {
      var raised = limit
      raised.rlim_cur = wanted
      if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
    }
    return max(Int(clamping: limit.rlim_cur) - reserve, 16)
  }
}
