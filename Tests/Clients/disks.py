"""A file system of a few megabytes in memory, which can be filled up and emptied again."""

import ctypes
import os
from pathlib import Path

DETACH = 2
READ_ONLY, REMOUNT = 1, 32
C = ctypes.CDLL(None, use_errno=True)


class SmallDisk:
    """Mounted over an empty directory; mounting takes root."""

    def __init__(self, directory: Path, megabytes: int = 8):
        self.path = directory
        options = f"size={megabytes}m".encode()
        if C.mount(b"tmpfs", bytes(directory), b"tmpfs", 0, options) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    def fill(self, leaving: int = 0) -> None:
        """Takes all room but so many kilobytes."""
        with self.balloon.open("ab", buffering=0) as file:
            try:
                while file.write(bytes(4096)) == 4096:
                    pass
            except OSError:
                pass
            file.truncate(max(0, file.seek(0, os.SEEK_END) - leaving * 1024))

    def make_room(self) -> None:
        self.balloon.unlink(missing_ok=True)

    def forbid_writing(self) -> None:
        """Makes it a file system that nobody can write to."""
        if C.mount(b"tmpfs", bytes(self.path), b"tmpfs", REMOUNT | READ_ONLY, None) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    @property
    def balloon(self) -> Path:
        return self.path / "balloon"

    def close(self) -> None:
        C.umount2(bytes(self.path), DETACH)
