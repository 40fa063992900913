internal import CLMDB

/// A read transaction of any process. As long as it lives, no page that it may see is used again.
public struct Reader: Hashable, Sendable {
  /// The process that reads.
  public let process: Int32
  /// How many commits came after the one that it sees.
  public let commitsBehind: UInt64
}

extension Environment {
  /// The reader, of this process or of another, that sees the oldest commit; nil without readers.
  ///
  /// One that is stopped, or asks a long question, makes the file grow: this tells whom to end.
  public func oldestReader() throws(LMDBError) -> Reader? {
    try withCurrent { (handle) throws(LMDBError) in
      guard let (process, number) = try handle.slots().min(by: { $0.number < $1.number }) else {
        return nil
      }
      var status = unsafe MDB_envinfo()
      try check(unsafe mdb_env_info(handle.pointer, &status))
      let last = unsafe UInt64(status.me_last_txnid)
      return Reader(process: process, commitsBehind: last - min(number, last))
    }
  }

  /// The number of the oldest commit that a reader of any process sees; nil without readers.
  func oldestCommitInUse() throws(LMDBError) -> UInt64? {
    try withWritable { (handle) throws(LMDBError) in try handle.slots().map(\.number).min() }
  }
}

extension EnvironmentHandle {
  /// The readers' processes, and the numbers of the commits that they see.
  fileprivate func slots() throws(LMDBError) -> [(process: Int32, number: UInt64)] {
    var slots: [(process: Int32, number: UInt64)] = []
    let code = unsafe withUnsafeMutablePointer(to: &slots) { (slots) in
      unsafe mdb_reader_list(pointer, noteReader, slots)
    }
    guard code >= 0 else { throw LMDBError(code: code) }
    return slots
  }
}

/// A line of LMDB's list of readers: process, thread, number of the commit or a dash.
private let noteReader: @convention(c) (UnsafePointer<CChar>?, UnsafeMutableRawPointer?) -> Int32 =
  { line, context in
    guard let line = unsafe line, let context = unsafe context else { return 0 }
    let slots = unsafe context.assumingMemoryBound(to: [(process: Int32, number: UInt64)].self)
    for row in unsafe String(cString: line).split(separator: "\n") {
      let words = row.split(separator: " ")
      guard words.count == 3, let process = Int32(words[0]), let number = UInt64(words[2]) else {
        continue
      }
      unsafe slots.pointee.append((process, number))
    }
    return 0
  }
