"""Waiting for a change in a folder of the share, in the way that makes this client ask the server.

Linux 6.1's cifs sends CHANGE_NOTIFY for neither inotify nor F_NOTIFY, only for its own ioctl.
"""

import fcntl
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

# fs/smb/client/cifs_ioctl.h: _IOW(0xCF, 9, struct smb3_notify), packed: u32 filter, bool watch_tree
_CIFS_IOC_NOTIFY: Final = 0x4005CF09
# MS-SMB2 2.2.35
_FILE_NAMES: Final = 1


@contextmanager
def watched(folder: Path) -> Iterator[threading.Thread]:
    """A thread that waits for new names in a folder; at the end of the block there is one."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    wanted = struct.pack("=I?", _FILE_NAMES, False)
    waiting = threading.Thread(target=fcntl.ioctl, args=(descriptor, _CIFS_IOC_NOTIFY, wanted))
    waiting.start()
    try:
        yield waiting
    finally:
        # x: cifs notifies inotify, too, only of a file that had to be new (cifs_atomic_open).
        (folder / "new").open("xb").close()
        waiting.join()
        os.close(descriptor)
