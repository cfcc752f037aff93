"""Files and folders of ours: new, not for everybody, and durable where it matters."""

import os
from pathlib import Path
from typing import IO

FILE_MODE = 0o640
FOLDER_MODE = 0o750


def create(path: Path) -> IO[bytes]:
    """Open a file that did not exist, for writing; whatever lies there is not followed.

    Raises:
        OSError: FileExistsError if there is anything of that name.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, FILE_MODE), "w+b")


def sync_folder(folder: Path) -> None:
    """Make what was renamed or removed in a folder durable.

    Raises:
        OSError: there is no such folder, or its disk fails.
    """
    folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder_fd)
    finally:
        os.close(folder_fd)
