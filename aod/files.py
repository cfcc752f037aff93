"""How files and folders are made, replaced and opened safely, and made durable where it matters."""

import errno
import hashlib
import os
import stat
from collections.abc import Container, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Final

FILE_MODE = 0o640
FOLDER_MODE = 0o750
OUTPUT_MODE = 0o700
"""Of the output folder, which is for its owner alone."""
_NOEXEC_SEAL: Final = 8
"""MFD_NOEXEC_SEAL (Linux 6.3); without it a host may refuse the file (sysctl vm.memfd_noexec)."""


class UntrustedError(OSError, ValueError):
    """A file that `open_trusted` refuses."""


def read_if_there(path: Path) -> str:
    """The text of a small file; empty where it cannot be read. For what a kernel or a distribution
    may not have."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def create_fd(path: Path, mode: int = FILE_MODE) -> int:
    """A descriptor of a new file, for reading and writing. Raises OSError: FileExistsError if there
    is anything of that name, a link included."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, mode)


def create_whole(path: Path, size: int) -> int:
    """A descriptor of a new file of that size, none of which is a hole. Raises OSError: there is
    one of that name, or no room."""
    fd = create_fd(path)
    os.fchmod(fd, FILE_MODE)
    os.posix_fallocate(fd, 0, size)  # writing to a hole of a full file system would be fatal
    return fd


def create(path: Path) -> IO[bytes]:
    """`create_fd`, as a file object; raises the same."""
    return os.fdopen(create_fd(path), "w+b")


@contextmanager
def appearing(path: Path, unfinished: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """A file to write, which appears under the name `path`, complete, at the end of the block.

    Until then its name is `unfinished`, in the same folder; a killed process leaves one of the two.
    If `durable`, it is on the disk at the end, so that a crash of the host does not lose it. Raises
    OSError: it cannot be written; nothing is left then."""
    try:
        with create(unfinished) as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        unfinished.rename(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def unfinished(path: Path) -> Path:
    """The name under which `replace` writes `path`."""
    return path.with_suffix(".new")


def replace(path: Path, content: bytes) -> None:
    """Replace a small file atomically; a crash of the host may lose it.

    For the only writer of that name: what a killed predecessor left unfinished is overwritten.
    Raises OSError: it cannot be written; the old content stays."""
    unfinished(path).unlink(missing_ok=True)
    with appearing(path, unfinished(path), durable=False) as file:
        os.fchmod(file.fileno(), FILE_MODE)
        file.write(content)


def own(path: Path, owner: tuple[int, int], mode: int, flags: int = 0) -> None:
    """Set the owner (user and group id) and the mode of a file; links are not followed.

    `flags`: O_DIRECTORY for a folder. Raises OSError: it is not there, is a link, or its owner may
    not be changed."""
    flags |= os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with closing_fd(os.open(path, flags)) as fd:
        found = os.fstat(fd)
        if (found.st_uid, found.st_gid) != owner:
            os.fchown(fd, *owner)
        if stat.S_IMODE(found.st_mode) != mode:
            os.fchmod(fd, mode)  # last: changing the owner may clear bits of the mode


def read_regular(path: Path, max_bytes: int) -> bytes:
    """The content of a file of at most that size; opened by `open_trusted`. Raises OSError: there
    is none, or it may not be read. Raises ValueError: it is not a regular file, or too large."""
    with closing_fd(open_trusted(path)) as fd:
        return read_limited(fd, max_bytes)


def read_limited(fd: int, max_bytes: int) -> bytes:
    """The content of an open file. Raises ValueError: it is larger than `max_bytes`."""
    size = os.fstat(fd).st_size  # `read` makes room for all that it is asked for
    content = os.read(fd, min(size, max_bytes) + 1)
    if len(content) > max_bytes:
        raise ValueError(f"larger than {max_bytes} bytes")
    return content


def open_trusted(
    path: Path | str,
    owners: Container[int] | None = None,
    *,
    links: int | None = None,
    flags: int = os.O_RDONLY,
    dir_fd: int | None = None,
) -> int:
    """A descriptor of a regular file in a place where others may put files.

    Links are not followed, and nothing is waited for. `owners`: the users (ids) who may own it;
    None: any. `links`: how many names it may have; a file with a second name may be any file of the
    host. `flags` and `dir_fd` are those of open(2). Raises UntrustedError: it is not such a file;
    the text says why. Raises OSError: there is none, or it may not be opened."""
    # O_NONBLOCK: a FIFO in the file's place would otherwise block its reader for ever.
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, FILE_MODE, dir_fd=dir_fd)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise UntrustedError("a symbolic link or a socket") from error
        raise
    if why := why_untrusted(os.fstat(fd), owners, links):
        os.close(fd)
        raise UntrustedError(why)
    return fd


def why_untrusted(
    status: os.stat_result, owners: Container[int] | None = None, links: int | None = None
) -> str:
    """Why `open_trusted` refuses a file with this status; empty if it does not."""
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if owners is not None and status.st_uid not in owners:
        return f"a file of user {status.st_uid}"
    if links is not None and status.st_nlink > links:
        return "a file with a second name"
    return ""


def open_regular(path: Path) -> IO[bytes]:
    """A file that the user named, for reading; links are followed, a FIFO does not block. Raises
    OSError: there is none, or it may not be read. Raises ValueError: it is not a regular file, or
    the name is not one."""
    file = open(  # noqa: SIM115 (the caller closes it)
        path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)
    )
    if why := why_untrusted(os.fstat(file.fileno())):
        file.close()
        raise ValueError(why)
    return file


def opened_folder(folder: Path, flags: int = 0) -> AbstractContextManager[int]:
    """A descriptor of a folder, which nobody can exchange while it is in use.

    The folder itself may be a link (unless `flags` has O_NOFOLLOW): administrators move the output
    folder that way. Raises OSError: there is no such folder, or it may not be read."""
    return closing_fd(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | flags))


@contextmanager
def closing_fd(fd: int) -> Iterator[int]:
    """Close a descriptor at the end of the block."""
    try:
        yield fd
    finally:
        os.close(fd)


def memory_file(name: str, flags: int = 0) -> int:
    """A descriptor of a new file in memory (memfd_create(2)). Raises OSError: it cannot be made."""
    flags |= os.MFD_CLOEXEC
    try:
        return os.memfd_create(name, flags | _NOEXEC_SEAL)
    except OSError:
        return os.memfd_create(name, flags)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder durable. Raises OSError: there is no such folder, or
    its disk fails."""
    with opened_folder(folder) as folder_fd:
        os.fsync(folder_fd)


def sha256(path: Path) -> str:
    """The digest of a file, in hexadecimal. Raises OSError: it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
