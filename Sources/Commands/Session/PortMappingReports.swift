import Reactor

extension SessionReporter {
  /// A session's port mapping, which says in `--verbose` what the router answers.
  func portMapping(_ loop: EventLoop) -> any PortMappingService {
    RouterPortMapping(loop) { [weak self] report in self?.detail("port mapping: \(report)") }
  }
}
