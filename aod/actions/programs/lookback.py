"""Print the lines of a log file that are not older than SINCE and not younger than UNTIL (both s
since the epoch). The files are given oldest first; one that is not there is passed over.

A line's time is RFC 3339, or syslog's traditional one (`Nov  2 03:04:05`, local time, no year).
A line without belongs to the one before. A file in which no time is known: its last 1 MiB.
Files are read from their ends, so their size does not matter."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import datetime

_BLOCK = 1 << 18
_MAX_BACK = 1 << 26
_UNKNOWN_BYTES = 1 << 20
_LONGEST_STAMP = 40
_LONGEST_LINE = 1 << 20
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
           b"Dec")  # fmt: skip


def stamp(line: bytes, near_sec: float) -> float | None:
    """The time at the start of a line, s since the epoch; a missing year is the one that
    brings it nearest to `near_sec`."""
    try:
        if line[4:5] == b"-" and line[10:11] == b"T":
            return datetime.fromisoformat(line[:_LONGEST_STAMP].split()[0].decode()).timestamp()
        if line[3:4] == b" " and line[9:10] == b":" and line[12:13] == b":":
            return _traditional(line, near_sec)
    except (ValueError, OverflowError, IndexError):
        pass
    return None


def _traditional(line: bytes, near_sec: float) -> float:
    month, day = _MONTHS.index(line[:3]) + 1, int(line[4:6])
    clock = int(line[7:9]), int(line[10:12]), int(line[13:15])
    this_year = time.localtime(near_sec).tm_year
    guesses = (
        time.mktime((year, month, day, *clock, 0, 0, -1))
        for year in (this_year - 1, this_year, this_year + 1)
    )
    return min(guesses, key=lambda guess: abs(guess - near_sec))


def start_of(fd: int, size: int, since: float, until: float) -> int | None:
    """Where to begin reading, at or before the first line that is wanted; None: no line in the
    file's last block tells its time."""
    start, known = size, False
    while start > 0 and size - start < _MAX_BACK:
        start = max(0, start - _BLOCK)
        block = os.pread(fd, _BLOCK, start).split(b"\n")
        # What is cut at either end may show another time than the whole line.
        whole = block[start > 0 : -1 if start + _BLOCK < size else None]
        stamps = (stamp(line, until) for line in whole)
        first = next((found for found in stamps if found is not None), None)
        known = known or first is not None
        if not known:
            return None
        if first is not None and first < since:
            return start
    return start


def lines(fd: int, start: int, end: int) -> Iterator[bytes]:
    """The whole lines from `start` on; what precedes the first line's start is part of another."""
    rest = b""
    for position in range(start, end, _BLOCK):
        *whole, rest = (rest + os.pread(fd, min(_BLOCK, end - position), position)).split(b"\n")
        yield from whole
        if len(rest) > _LONGEST_LINE:
            yield rest
            rest = b""
    if rest:
        yield rest


def wanted(source: Iterable[bytes], since: float, until: float) -> Iterator[bytes]:
    """The lines in that span, and those that belong to them."""
    within = False
    for line in source:
        found = stamp(line, until)
        within = within if found is None else since <= found <= until
        if within:
            yield line


def show(path: str, since: float, until: float) -> None:
    """Print what is wanted of one file.

    Raises OSError: it cannot be read, or is a symbolic link."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    about = os.fstat(fd)
    if about.st_mtime >= since:
        out, size = sys.stdout.buffer, about.st_size
        start = start_of(fd, size, since, until)
        out.write(f"==> {path} <==\n".encode())
        if start is None:
            found = lines(fd, max(0, size - _UNKNOWN_BYTES), size)
        else:
            found = wanted(lines(fd, start, size), since, until)
        out.writelines(line + b"\n" for line in found)
    os.close(fd)


def before_rotation(path: str) -> list[str]:
    """The files that logrotate made of the log's last one, as far as they are there."""
    folder, _, name = path.rpartition("/")
    dated = f"{name}-"
    names = sorted(os.listdir(folder or "."))
    dates = [n for n in names if n.startswith(dated) and n[len(dated) :].isdecimal()]
    return [f"{folder}/{n}" for n in (*dates[-1:], f"{name}.1") if n in names]


def main(since: str, until: str, path: str) -> None:
    """Print what is wanted, oldest first."""
    for file in (*before_rotation(path), path):
        show(file, float(since), float(until))


if __name__ == "__main__":
    main(*sys.argv[1:])
