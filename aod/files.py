"""Files and folders of ours: new, not for everybody, and durable where it matters."""

import errno
import hashlib
import os
import stat
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

FILE_MODE = 0o640
FOLDER_MODE = 0o750
OUTPUT_MODE = 0o700
"""Of the folder of bundles: for its owner alone."""
_NOEXEC_SEAL: Final = 8
"""MFD_NOEXEC_SEAL, without which a host may refuse the file (sysctl vm.memfd_noexec); Linux 6.3."""


class UntrustedError(OSError, ValueError):
    """A file that `open_trusted` refuses."""


def create_fd(path: Path, mode: int = FILE_MODE) -> int:
    """A descriptor of a file that did not exist; whatever lies there is not followed.

    Raises:
        OSError: FileExistsError if there is anything of that name.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, mode)


def create(path: Path) -> IO[bytes]:
    """`create_fd` as a file, for writing.

    Raises:
        OSError: FileExistsError if there is anything of that name.
    """
    return os.fdopen(create_fd(path), "w+b")


@contextmanager
def appearing(path: Path, unfinished: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """A file to fill, which appears as `path` at the end of the block: whole, and on the disk.

    Until then it is `unfinished`, in the same folder; a death leaves that or the whole file. Not
    `durable`: the same, but for a death of the whole host.

    Raises:
        OSError: it cannot be written; nothing is left then.
    """
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
    """Where `replace` writes what will be `path`."""
    return path.with_suffix(".new")


def replace(path: Path, content: bytes) -> None:
    """Put a small file in the place of another, whole; a death of the host may cost it.

    For the only writer of that name: what a killed one has left unfinished is overwritten.

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    unfinished(path).unlink(missing_ok=True)
    with appearing(path, unfinished(path), durable=False) as file:
        os.fchmod(file.fileno(), FILE_MODE)
        file.write(content)


def own(path: Path, owner: tuple[int, int], mode: int, flags: int = 0) -> None:
    """Give what is there to a user and a group (ids), with this mode; no link is followed.

    Args:
        flags: O_DIRECTORY, for a folder.

    Raises:
        OSError: it is not there, a link, or not ours to give.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    try:
        found = os.fstat(fd)
        if (found.st_uid, found.st_gid) != owner:
            os.fchown(fd, *owner)
        if stat.S_IMODE(found.st_mode) != mode:
            os.fchmod(fd, mode)  # after the owner: to change that may take bits away
    finally:
        os.close(fd)


def read_regular(path: Path, max_bytes: int, links: int | None = None) -> bytes:
    """The content of a file of at most that size; opened by `open_trusted`.

    Raises:
        OSError: there is none, or it may not be read.
        ValueError: it is something else, or too large; the text says what.
    """
    return read_owned(path, max_bytes, links)[0]


def read_owned(path: Path, max_bytes: int, links: int | None = None) -> tuple[bytes, int]:
    """`read_regular`, and the id of the user whose file it is.

    Raises:
        OSError, ValueError: as `read_regular`.
    """
    fd = open_trusted(path, links=links)
    try:
        owner, content = os.fstat(fd).st_uid, os.read(fd, max_bytes + 1)
    finally:
        os.close(fd)
    if len(content) > max_bytes:
        raise ValueError(f"larger than {max_bytes} bytes")
    return content, owner


def open_trusted(
    path: Path | str,
    owners: Container[int] | None = None,
    *,
    links: int | None = None,
    flags: int = os.O_RDONLY,
    dir_fd: int | None = None,
) -> int:
    """A descriptor of a file that somebody else may have put there; links are not followed.

    Args:
        owners: ids of the users who may own it; None: anybody.
        links: how many names it may have: one with a second name may be any file of the host.
        flags: how it is opened.
        dir_fd: the folder that `path` starts from.

    Raises:
        UntrustedError: it is something else, or has another owner; the text says what.
        OSError: there is none, or it may not be opened.
    """
    # O_NONBLOCK: a FIFO in the file's place must not stop its reader for ever.
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
    """Why `open_trusted` refuses a file of this status; empty: it does not."""
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if owners is not None and status.st_uid not in owners:
        return f"a file of user {status.st_uid}"
    if links is not None and status.st_nlink > links:
        return "a file with a second name"
    return ""


def open_regular(path: Path) -> IO[bytes]:
    """A file that a person named, for reading; links are followed, nothing is waited for.

    Raises:
        OSError: there is none, or it may not be read.
        ValueError: it is something else than a file; or no name of a file.
    """
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 (the caller closes it)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError("not a regular file")
    return file


def _open_at_once(path: str, flags: int) -> int:
    """Does not wait for the writer of a FIFO."""
    return os.open(path, flags | os.O_NONBLOCK)


@contextmanager
def opened_folder(folder: Path, flags: int = 0) -> Iterator[int]:
    """The folder itself, so that nobody can exchange it between a look and a deletion.

    It may be a link, as the administrator's of the output folder (unless `flags` has O_NOFOLLOW);
    what is inside is not followed.

    Raises:
        OSError: there is no such folder, or it may not be read.
    """
    folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | flags)
    try:
        yield folder_fd
    finally:
        os.close(folder_fd)


def memory_file(name: str, flags: int = 0) -> int:
    """A descriptor of a new file that is nowhere but in memory.

    Raises:
        OSError: it cannot be made.
    """
    flags |= os.MFD_CLOEXEC
    try:
        return os.memfd_create(name, flags | _NOEXEC_SEAL)
    except OSError:
        return os.memfd_create(name, flags)


def sync_folder(folder: Path) -> None:
    """Make what was renamed or removed in a folder durable.

    Raises:
        OSError: there is no such folder, or its disk fails.
    """
    with opened_folder(folder) as folder_fd:
        os.fsync(folder_fd)


def sha256(path: Path) -> str:
    """Of a file, in hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
