internal import CLMDB
internal import Glibc

/// The name of the network file system that holds `path`, or nil where the file system is local.
///
/// LMDB's documentation forbids remote file systems: its locks and its memory map assume one
/// kernel.
func networkFileSystem(holding path: String) -> String? {
  var status = statfs()
  guard unsafe statfs(path, &status) == 0 else { return nil }
  return networkFileSystem(ofType: UInt32(truncatingIfNeeded: status.f_type))
}

/// The name of a network file system by its number, an `f_type` value of statfs(2), or nil.
func networkFileSystem(ofType type: UInt32) -> String? {
  switch type {
  case 0x6969: "NFS"
  case 0x517B: "SMB"
  case 0xFF53_4D42: "CIFS"
  case 0xFE53_4D42: "SMB2"
  case 0x5346_414F, 0x6B41_4653: "AFS"
  case 0x00C3_6400: "Ceph"
  case 0x0102_1997: "9P"
  case 0x4750_4653: "GPFS"
  case 0x0BD0_0BD0: "Lustre"
  case 0x7461_636F: "OCFS2"
  case 0x0116_1970: "GFS2"
  default: nil
  }
}
