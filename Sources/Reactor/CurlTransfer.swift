import Basics
import CCurl
import Glibc

/// One libcurl transfer with a multi handle of its own, driven by the loop.
///
/// A handle per transfer keeps lifetimes simple: whatever libcurl holds (a connection kept open, a name being
/// looked up) goes when this object goes. Dropping it cancels.
final class CurlTransfer {
  /// The easy handle, for options before `start()` and for information afterwards.
  let easy: UnsafeMutableRawPointer
  private let multi: UnsafeMutableRawPointer
  private let loop: EventLoop
  private var watchers: [Int32: IOWatcher] = [:]
  private var timer: LoopTimer?
  private var completion: ((CURLcode) -> Void)?
  private var lists: [UnsafeMutablePointer<curl_slist>] = []
  private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

  /// libcurl's process-wide set-up, done once.
  private static let isReady = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

  /// nil when libcurl cannot be set up (out of memory).
  init?(_ loop: EventLoop) {
    guard Self.isReady, let easy = curl_easy_init() else { return nil }
    guard let multi = curl_multi_init() else {
      curl_easy_cleanup(easy)
      return nil
    }
    self.loop = loop
    self.easy = easy
    self.multi = multi
    errorText.pointee = 0
    let context = Unmanaged.passUnretained(self).toOpaque()
    derphole_curl_multi_socket(
      multi,
      { _, descriptor, what, context, _ in
        guard let context else { return 0 }
        let this = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
        this.watch(descriptor, what)
        return 0
      }, context)
    derphole_curl_multi_timer(
      multi,
      { _, milliseconds, context in
        guard let context else { return 0 }
        let this = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
        if milliseconds < 0 {
          this.timer?.disarm()
        } else {
          this.timer?.arm(after: .milliseconds(Int64(milliseconds)))
        }
        return 0
      }, context)
    timer = loop.makeTimer { [weak self] in self?.act(CURL_SOCKET_BAD, 0) }
    set(CURLOPT_NOSIGNAL, 1)
    derphole_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
  }

  deinit {
    completion = nil
    // These call back to take their sockets off the loop, so the members must still be there.
    curl_multi_remove_handle(multi, easy)
    curl_easy_cleanup(easy)
    curl_multi_cleanup(multi)
    for list in lists { curl_slist_free_all(list) }
    errorText.deallocate()
  }

  /// Sets a numeric option.
  func set(_ option: CURLoption, _ value: Int) { derphole_curl_set_long(easy, option, value) }
  /// Sets a text option (libcurl copies it).
  func set(_ option: CURLoption, _ value: String) { derphole_curl_set_string(easy, option, value) }
  /// Sets an option that is a list of texts, kept until the transfer goes.
  func set(_ option: CURLoption, _ values: [String]) {
    var list: UnsafeMutablePointer<curl_slist>?
    for value in values { list = curl_slist_append(list, value) ?? list }
    guard let list else { return }
    lists.append(list)
    derphole_curl_set_list(easy, option, list)
  }

  /// A number that libcurl knows about the transfer; 0 when it does not.
  func information(_ info: CURLINFO) -> Int {
    var value = 0
    derphole_curl_get_long(easy, info, &value)
    return value
  }

  /// What went wrong in one line: libcurl's detailed text when there is one, else the text of the code.
  func text(of code: CURLcode) -> String {
    let detail = String(cString: errorText)
    return detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
  }

  /// Starts. `completion` is called once, from the loop, never from within this call.
  func start(_ completion: @escaping (CURLcode) -> Void) {
    self.completion = completion
    curl_multi_add_handle(multi, easy)
  }

  private func watch(_ descriptor: Int32, _ what: Int32) {
    if what == CURL_POLL_REMOVE {
      watchers.removeValue(forKey: descriptor)?.cancel()
      return
    }
    let watcher =
      watchers[descriptor]
      ?? loop.watch(descriptor) { [weak self] events in
        var mask: Int32 = 0
        if events.contains(.readable) { mask |= CURL_CSELECT_IN }
        if events.contains(.writable) { mask |= CURL_CSELECT_OUT }
        self?.act(descriptor, mask)
      }
    watchers[descriptor] = watcher
    var interest: IOEvents = []
    if what & CURL_POLL_IN != 0 { interest.insert(.readable) }
    if what & CURL_POLL_OUT != 0 { interest.insert(.writable) }
    watcher.interest = interest
  }

  private func act(_ descriptor: curl_socket_t, _ mask: Int32) {
    var running: Int32 = 0
    curl_multi_socket_action(multi, descriptor, mask, &running)
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let completion else { continue }
      let code = derphole_curl_message_result(message)
      self.completion = nil
      // From the loop, with no frame of libcurl below: the completion may drop this object.
      return loop.defer { completion(code) }
    }
  }
}
