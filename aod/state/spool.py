"""The spool: anomalies that wait for capture, one JSON file each.

detect writes an entry before it sends the message, capture removes it when the bundle is sealed;
either may be killed in between, and the anomaly still gets its bundle. detect may run as a less
privileged user, so capture trusts no entry: links are not followed, only regular files of limited
size are read, and names come from the validated timestamp only. A request for a bundle by hand must
be root's."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from aod.anomaly import Anomaly, Cause
from aod.event import EVENT_DTYPE
from aod.files import FOLDER_MODE, appearing, closing_fd, open_trusted, read_limited
from aod.state import names

FOLDER: Final = "spool"
"""Below the state folder."""
MAX_ENTRY_BYTES: Final = 1 << 20
MAX_SET_ASIDE: Final = 16
MAX_AHEAD_NS: Final = 86_400 * 10**9
"""A clock may be set back, but a bundle dated far ahead would outlive all others."""
MAX_PENDING: Final = 1024
"""More than capture lets wait. Where so many do, capture does not work; the disk must not fill up,
and the first anomalies of an incident are worth most."""
_SET_ASIDE: Final = ".rejected"
_UNFINISHED: Final = ".tmp"

_decoder = msgspec.json.Decoder(Anomaly)


class SpoolError(Exception):
    """An entry that is not valid, or too large."""


class FullError(SpoolError):
    """More anomalies wait than capture will ever make bundles of."""


def prepare(folder: Path) -> None:
    """Make the folder (its parent exists) if need be, and remove what killed writers left: detect
    calls it, while the supervisor may be writing a request. Raises OSError: it cannot be made."""
    folder.mkdir(FOLDER_MODE, exist_ok=True)
    for path in folder.glob(f".*{_UNFINISHED}"):
        if not _is_being_written(path):
            path.unlink(missing_ok=True)


def _is_being_written(path: Path) -> bool:
    """Whether the writer in an unfinished entry's name lives, and is another process."""
    pid = path.name.removesuffix(_UNFINISHED).rpartition(".")[2]
    if not pid.isdecimal() or int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def write(folder: Path, anomaly: Anomaly) -> Path:
    """Spool an anomaly: complete and on disk when this returns, or not there at all.

    Raises FullError: too many wait already; does not apply to a request by hand. Raises SpoolError:
    the entry would be larger than a reader accepts. Raises OSError: the folder is not there, not
    writable, or full."""
    encoded = msgspec.json.encode(anomaly)
    if len(encoded) > MAX_ENTRY_BYTES:
        raise SpoolError(f"{len(encoded)} bytes; an entry has at most {MAX_ENTRY_BYTES}")
    path = folder / names.spooled(anomaly.timestamp)
    is_limited = anomaly.rule is not Cause.MANUAL and not path.exists()
    if is_limited and sum(1 for _ in folder.iterdir()) >= MAX_PENDING:
        raise FullError(f"{MAX_PENDING} others wait")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{_UNFINISHED}")
    unfinished.unlink(missing_ok=True)
    with appearing(path, unfinished) as entry:
        entry.write(encoded)
    return path


def read(path: Path) -> Anomaly:
    """The anomaly in an entry. Raises SpoolError: it is not a regular file, has a second name, is
    too large, no anomaly, or the anomaly of another name; or its owner may not request it. Raises
    OSError: it cannot be read; FileNotFoundError when it is gone."""
    try:
        with closing_fd(open_trusted(path, links=1)) as fd:
            owner, content = os.fstat(fd).st_uid, read_limited(fd, MAX_ENTRY_BYTES)
    except ValueError as error:
        raise SpoolError(str(error)) from error
    anomaly = decoded(content)
    if names.spooled(anomaly.timestamp) != path.name:
        raise SpoolError(f"holds the anomaly {anomaly.timestamp}")
    if anomaly.rule is Cause.MANUAL and owner not in (0, os.geteuid()):
        raise SpoolError(f"user {owner} may not ask for a bundle")
    return anomaly


def decoded(content: bytes) -> Anomaly:
    """The anomaly in the content of an entry. Raises SpoolError: it is none, or fails `check`."""
    try:
        anomaly = _decoder.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SpoolError(f"not an anomaly: {error}") from error
    check(anomaly)
    return anomaly


def check(anomaly: Anomaly) -> None:
    """Refuse an anomaly, from a file or from a message, whose values are impossible. Raises
    SpoolError: a timestamp that names no bundle or lies ahead, a bad time, half a record."""
    if names.spooled.timestamp(names.spooled(anomaly.timestamp)) is None:
        raise SpoolError(f"{anomaly.timestamp} is no timestamp")
    if anomaly.timestamp > time.time_ns() + MAX_AHEAD_NS:
        raise SpoolError(f"{anomaly.timestamp} lies in the future")
    if not 0 <= anomaly.trigger_ns < 1 << 63:
        raise SpoolError(f"{anomaly.trigger_ns} is no time")
    if len(anomaly.evidence) % EVENT_DTYPE.itemsize:
        raise SpoolError(f"{len(anomaly.evidence)} bytes of evidence are not whole records")


def pending(folder: Path) -> list[Path]:
    """The entries, oldest first; none if there is no folder yet."""
    with suppress(FileNotFoundError):
        return sorted(filter(_is_entry, folder.iterdir()), key=_age)
    return []


def remove(path: Path) -> None:
    """Remove an entry, which may be gone already."""
    path.unlink(missing_ok=True)


def _is_entry(path: Path) -> bool:
    return names.spooled.timestamp(path.name) is not None


def set_aside(path: Path) -> Path:
    """Rename an entry that failed permanently, for a person to look at; the newest few are kept.

    It stays in its folder: the folder's owner could replace another one for such entries by a link,
    and so have files of his making moved to a place of his choice. Raises OSError: it cannot be
    renamed."""
    aside = path.with_suffix(_SET_ASIDE)
    with suppress(FileNotFoundError):
        path.rename(aside)
    for old in sorted(path.parent.glob(f"*{_SET_ASIDE}"), key=_age)[:-MAX_SET_ASIDE]:
        with suppress(OSError):  # not a file
            old.unlink()
    return aside


def _age(path: Path) -> tuple[int, str]:
    return len(path.name), path.name  # timestamps sort as numbers
