internal import CMalloc
internal import Glibc

/// Has large pieces of memory taken from the system one by one, so that they go back to it: the C
/// library would otherwise keep what a burst once needed, in pieces too scattered to be used again.
func returnLargeMemory() { mallopt(M_MMAP_THRESHOLD, 256 << 10) }

/// Whether whoever started the process has it ignore a signal.
func isIgnored(_ number: Int32) -> Bool {
  var action = sigaction()
  guard unsafe sigaction(number, nil, &action) == 0 else { return false }
  // SIG_IGN is 1; C has no function there to compare with.
  return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
}

/// Every connection is an open file: take as many as the system allows.
func raiseFileLimit() {
  var limit = rlimit()
  guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  limit.rlim_cur = limit.rlim_max
  _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
