import Glibc

/// The files that the process may have open, of which every connection is one.
public enum OpenFiles {
  public static var limit: Int {
    var limit = rlimit()
    _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return Int(clamping: limit.rlim_cur)
  }
}
