"""The spool: anomalies that were declared and not yet sealed, one JSON file each.

detect writes an entry before it sends the message, capture removes it when the bundle is sealed;
between the two either may be killed and the anomaly still gets its bundle. detect may run as a less
privileged user, so capture reads an entry as the work of a stranger: no link is followed, nothing
but a regular file of limited size is read, and names come from the validated timestamp only. What
a person asks for is asked by root: such an entry must be root's.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from aod.anomaly import Anomaly, Rule
from aod.event import EVENT_DTYPE
from aod.files import FOLDER_MODE, appearing, open_trusted, read_limited
from aod.state import names

FOLDER: Final = "spool"
"""Below the state folder."""
MAX_ENTRY_BYTES: Final = 1 << 20
MAX_SET_ASIDE: Final = 16
MAX_AHEAD_NS: Final = 86_400 * 10**9
"""A clock may be set back; but a bundle of the far future would outlive all others."""
MAX_PENDING: Final = 1024
"""More than capture lets wait: where so many do, it does not work, and the disk must have an end.
The onset of an incident is worth most."""
_SET_ASIDE: Final = ".rejected"
_UNFINISHED: Final = ".tmp"

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Anomaly)


class SpoolError(Exception):
    """An entry that is not one of ours, or too large to be one."""


class FullError(SpoolError):
    """More anomalies wait than capture will ever make bundles of."""


def prepare(folder: Path) -> None:
    """Make the folder (its parent exists) if need be, and remove what a killed writer left.

    For the writer alone to call, before its first `write`.

    Raises:
        OSError: the folder cannot be made.
    """
    folder.mkdir(FOLDER_MODE, exist_ok=True)
    for path in folder.glob(f".*{_UNFINISHED}"):
        path.unlink(missing_ok=True)


def write(folder: Path, anomaly: Anomaly) -> Path:
    """Spool an anomaly: complete and on disk when this returns, or not there at all.

    Raises:
        FullError: too many wait already; what a person asked for is never too much.
        SpoolError: the entry would be larger than a reader accepts.
        OSError: the folder is not there, not writable, or full.
    """
    encoded = _encoder.encode(anomaly)
    if len(encoded) > MAX_ENTRY_BYTES:
        raise SpoolError(f"{len(encoded)} bytes; an entry has at most {MAX_ENTRY_BYTES}")
    path = folder / names.spooled(anomaly.timestamp)
    if anomaly.rule is not Rule.MANUAL and not path.exists() and _is_full(folder):
        raise FullError(f"{MAX_PENDING} others wait")
    unfinished = path.with_name(f".{path.name}{_UNFINISHED}")
    unfinished.unlink(missing_ok=True)
    with appearing(path, unfinished) as entry:
        entry.write(encoded)
    return path


def _is_full(folder: Path) -> bool:
    return sum(1 for _ in folder.iterdir()) >= MAX_PENDING


def read(path: Path) -> Anomaly:
    """The anomaly in an entry.

    Raises:
        SpoolError: a link, not a regular file, one with a second name, too large, another's name,
            not an anomaly, or one that its writer may not ask for.
        OSError: it cannot be read; FileNotFoundError when it is gone.
    """
    try:
        fd = open_trusted(path, links=1)
        try:
            owner, content = os.fstat(fd).st_uid, read_limited(fd, MAX_ENTRY_BYTES)
        finally:
            os.close(fd)
    except ValueError as error:
        raise SpoolError(str(error)) from error
    anomaly = decoded(content)
    if names.spooled(anomaly.timestamp) != path.name:
        raise SpoolError(f"holds the anomaly {anomaly.timestamp}")
    if anomaly.rule is Rule.MANUAL and owner not in (0, os.geteuid()):
        raise SpoolError(f"user {owner} may not ask for a bundle")
    return anomaly


def decoded(content: bytes) -> Anomaly:
    """The anomaly in the content of an entry.

    Raises:
        SpoolError: it is none, or one that cannot be.
    """
    try:
        anomaly = _decoder.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SpoolError(f"not an anomaly: {error}") from error
    check(anomaly)
    return anomaly


def check(anomaly: Anomaly) -> None:
    """Refuse what decodes and still cannot be, from a file or from a message.

    Raises:
        SpoolError: a timestamp that names no bundle, a time that is none, half a record.
    """
    if names.timestamp_of_spooled(names.spooled(anomaly.timestamp)) is None:
        raise SpoolError(f"{anomaly.timestamp} is no timestamp")
    if anomaly.timestamp > time.time_ns() + MAX_AHEAD_NS:
        raise SpoolError(f"{anomaly.timestamp} lies in the future")
    if not 0 <= anomaly.trigger_ns < 1 << 63:
        raise SpoolError(f"{anomaly.trigger_ns} is no time")
    if len(anomaly.evidence) % EVENT_DTYPE.itemsize:
        raise SpoolError(f"{len(anomaly.evidence)} bytes of evidence are not whole records")


def pending(folder: Path) -> list[Path]:
    """The entries, oldest first; none when there is no folder yet."""
    found: list[tuple[int, Path]] = []
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            timestamp = names.timestamp_of_spooled(path.name)
            if timestamp is not None:
                found.append((timestamp, path))
    return [path for _, path in sorted(found)]


def remove(path: Path) -> None:
    """Remove an entry; it may be gone already."""
    path.unlink(missing_ok=True)


def set_aside(path: Path) -> Path:
    """Take an entry out of the queue for good, for a person to look at; the newest few are kept.

    It stays in its folder: a folder for rejected entries could be exchanged for a link by the
    folder's owner, and we would move files of their making to a place of their choice.

    Raises:
        OSError: it cannot be renamed.
    """
    aside = path.with_suffix(_SET_ASIDE)
    with suppress(FileNotFoundError):
        path.rename(aside)
    for old in sorted(path.parent.glob(f"*{_SET_ASIDE}"), key=_age)[:-MAX_SET_ASIDE]:
        with suppress(OSError):  # not a file: not worth more trouble
            old.unlink()
    return aside


def _age(path: Path) -> tuple[int, str]:
    return len(path.name), path.name  # timestamps sort as numbers
