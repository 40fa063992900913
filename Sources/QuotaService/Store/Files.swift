internal import Glibc

extension StoreFailure {
  /// What the system said last of a file that cannot be used.
  static func file(_ path: String, code: Int32 = errno) -> StoreFailure {
    switch code {
    case EACCES, EPERM, EROFS: .permissionDenied(path: path)
    case ENOSPC, EDQUOT: .diskFull
    default: .file(path: path, text: unsafe String(cString: strerror(code)))
    }
  }
}

/// Small files and directories, read and written whole.
enum Files {
  static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  static func read(_ path: String) throws(StoreFailure) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = unsafe part.withUnsafeMutableBytes { (buffer) in
        unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      }
      guard count >= 0 else { throw .file(path) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: part[..<count])
    }
  }

  /// Replaces a file in one step: afterwards it has the old content or the new one, never a part.
  static func replace(
    _ path: String, with bytes: [UInt8], mode: mode_t = 0o640
  ) throws(StoreFailure) {
    let temporary = path + ".new"
    // What somebody who was interrupted has left there has rights of its own.
    try remove(temporary)
    try write(temporary, bytes, mode: mode)
    try rename(temporary, to: path)
    try syncDirectory(holding: path)
  }

  /// Gives a file another name in one step, and replaces what had it.
  static func rename(_ path: String, to name: String) throws(StoreFailure) {
    guard unsafe Glibc.rename(path, name) == 0 else { throw .file(name) }
  }

  /// Writes a file, and with `isDurable` waits until the disk has its content.
  static func write(
    _ path: String, _ bytes: [UInt8], isDurable: Bool = true, mode: mode_t = 0o640
  ) throws(StoreFailure) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw .file(path) }
    let isSynced = write(bytes[...], to: descriptor) && (!isDurable || fsync(descriptor) == 0)
    let code = errno
    close(descriptor)
    guard isSynced else { throw .file(path, code: code) }
  }

  /// Removes a file; answers false where it is not there.
  @discardableResult
  static func remove(_ path: String) throws(StoreFailure) -> Bool {
    if unsafe unlink(path) == 0 { return true }
    guard errno == ENOENT else { throw .file(path) }
    return false
  }

  /// Makes a directory; answers false where something has the name already.
  static func makeNewDirectory(_ path: String) throws(StoreFailure) -> Bool {
    if unsafe mkdir(path, 0o750) == 0 { return true }
    guard errno == EEXIST else { throw .file(path) }
    return false
  }

  /// Bytes on the disk that the plain files of a directory take.
  static func byteCount(ofDirectory path: String) throws(StoreFailure) -> UInt64 {
    var sum: UInt64 = 0
    for name in try names(in: path) {
      var status = stat()
      // A file may go while we look.
      if unsafe stat(path + "/" + name, &status) == 0 { sum += UInt64(status.st_blocks) * 512 }
    }
    return sum
  }

  /// When the entries of a directory changed last, in seconds since 1970.
  static func changeSeconds(of path: String) throws(StoreFailure) -> Int64 {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw .file(path) }
    return Int64(status.st_mtim.tv_sec)
  }

  /// Writes everything; false, with the reason in `errno`, where the disk takes no more. One that is nearly
  /// full takes a part first.
  private static func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { (buffer) in
        unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// Makes a directory, durably; one that exists is fine.
  static func makeDirectory(_ path: String) throws(StoreFailure) {
    let isNew = try makeNewDirectory(path)
    do throws(StoreFailure) {
      // Also of one that exists: whoever made it may have been killed just then.
      try syncDirectory(holding: path)
    } catch .permissionDenied where !isNew {
      // But somebody else's directory may hold it, who alone may look into that.
    }
  }

  /// The names in a directory, without `.` and `..`.
  static func names(in path: String) throws(StoreFailure) -> [String] {
    guard let directory = unsafe opendir(path) else { throw .file(path) }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { (bytes) in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Removes a directory of plain files.
  static func removeDirectory(_ path: String) throws(StoreFailure) {
    for name in try names(in: path) {
      guard unsafe unlink(path + "/" + name) == 0 else { throw .file(path + "/" + name) }
    }
    guard unsafe rmdir(path) == 0 else { throw .file(path) }
  }

  static func setMode(_ mode: mode_t, of path: String) throws(StoreFailure) {
    guard unsafe chmod(path, mode) == 0 else { throw .file(path) }
  }

  /// Removes a directory and everything in it.
  static func removeTree(_ path: String) throws(StoreFailure) {
    for name in try names(in: path) { try removeEntry(path + "/" + name) }
    guard unsafe rmdir(path) == 0 else { throw .file(path) }
  }

  /// Removes a file, or a directory and everything in it.
  static func removeEntry(_ path: String) throws(StoreFailure) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { throw .file(path) }
    if status.st_mode & S_IFMT == S_IFDIR {
      try removeTree(path)
    } else {
      guard unsafe unlink(path) == 0 else { throw .file(path) }
    }
  }

  /// Gives a file or a directory another name, durably: what it has is on the disk before the name is.
  static func move(_ path: String, to new: String) throws(StoreFailure) {
    try sync(path)
    try syncDirectory(holding: path)
    try rename(path, to: new)
    try syncDirectory(holding: new)
  }

  /// Copies a file of any length, durably.
  static func copy(_ path: String, to new: String) throws(StoreFailure) {
    let source = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else { throw .file(path) }
    defer { close(source) }
    let target = unsafe open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
    guard target >= 0 else { throw .file(new) }
    defer { close(target) }
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = unsafe piece.withUnsafeMutableBytes { (buffer) in
        unsafe Glibc.read(source, buffer.baseAddress, buffer.count)
      }
      guard count >= 0 else { throw .file(path) }
      if count == 0 { break }
      guard write(piece[..<count], to: target) else { throw .file(new) }
    }
    guard fsync(target) == 0 else { throw .file(new) }
    try syncDirectory(holding: new)
  }

  /// Brings the entry of `path` in its directory to the disk.
  static func syncDirectory(holding path: String) throws(StoreFailure) {
    try sync(parent(of: path))
  }

  /// Brings a file or the entries of a directory to the disk.
  static func sync(_ path: String) throws(StoreFailure) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .file(path) }
  }

  /// The directory that holds the entry of `path`.
  private static func parent(of path: String) -> String {
    let bare = path.dropLast(while: { $0 == "/" })
    guard let slash = bare.lastIndex(of: "/") else { return bare.isEmpty ? "/" : "." }
    return slash == bare.startIndex ? "/" : String(bare[..<slash])
  }
}

extension String {
  fileprivate func dropLast(while condition: (Character) -> Bool) -> Substring {
    var rest = self[...]
    while let last = rest.last, condition(last) { rest.removeLast() }
    return rest
  }
}
