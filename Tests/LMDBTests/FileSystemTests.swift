import Foundation
import TestSupport
import Testing

@testable import LMDB

@Suite struct `A file system` {
  /// The numbers stand in the system's <linux/magic.h>, not in our sources.
  @Test(arguments: [
    ("NFS_SUPER_MAGIC", "NFS"), ("SMB_SUPER_MAGIC", "SMB"), ("CIFS_SUPER_MAGIC", "CIFS"),
    ("SMB2_SUPER_MAGIC", "SMB2"), ("AFS_FS_MAGIC", "AFS"), ("AFS_SUPER_MAGIC", "AFS"),
    ("CEPH_SUPER_MAGIC", "Ceph"), ("V9FS_MAGIC", "9P"), ("OCFS2_SUPER_MAGIC", "OCFS2"),
    ("EXT4_SUPER_MAGIC", nil), ("XFS_SUPER_MAGIC", nil), ("BTRFS_SUPER_MAGIC", nil),
    ("TMPFS_MAGIC", nil), ("OVERLAYFS_SUPER_MAGIC", nil),
  ])
  func `is shared over a network or is not, by its number`(macro: String, name: String?) throws {
    #expect(try networkFileSystem(ofType: #require(Self.magicNumbers[macro])) == name)
  }

  @Test func `of this machine's temporary files is a local one`() {
    let directory = TemporaryDirectory()
    #expect(networkFileSystem(holding: directory.path) == nil)
  }

  @Test func `of a path that does not exist is left to whoever opens it`() {
    #expect(networkFileSystem(holding: "/nowhere/at/all") == nil)
  }

  private static let magicNumbers: [String: UInt32] = {
    guard let text = try? String(contentsOfFile: "/usr/include/linux/magic.h", encoding: .utf8)
    else { preconditionFailure("these tests need the kernel's headers") }
    let definitions = text.split(separator: "\n").compactMap { line -> (String, UInt32)? in
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.count > 2, words[0] == "#define", words[2].hasPrefix("0x"),
        let number = UInt32(words[2].dropFirst(2), radix: 16)
      else { return nil }
      return (String(words[1]), number)
    }
    return Dictionary(definitions, uniquingKeysWith: { first, _ in first })
  }()
}
