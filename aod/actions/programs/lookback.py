"""Print the lines of a log file that are not older than SINCE and not younger than UNTIL (both s
since the epoch). The files are given oldest first; one that is not there is passed over.

A line's time is RFC 3339 (with a blank for the T, too, and behind RFC 5424's `<34>1`), or syslog's
traditional one (`Nov  2 03:04:05`, local time, with or without a year before it). A line without
belongs to the one before. A file in which no time is known: its last 1 MiB. Plain files are read
from their ends, so their size does not matter; what logrotate compressed, from its start."""

import importlib
import os
import re
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from datetime import datetime
from typing import BinaryIO

_BLOCK = 1 << 18
_MAX_BACK = 1 << 26
_UNKNOWN_BYTES = 1 << 20
_LONGEST_STAMP = 40
_LONGEST_LINE = 1 << 20
_UNPACKED_BYTES = 1 << 28
_MOST_LINKS = 4
_UNPACKERS = {"gz": "gzip", "xz": "lzma", "bz2": "bz2"}  # by ending: Python's modules
# What logrotate appends: a number, or a date in the form of the administrator (`dateformat`).
_ROTATED = r"[.-][0-9][0-9T:_-]*(?:\.(?:gz|xz|bz2))?"
_BEFORE_A_STAMP = re.compile(rb"(?:\xef\xbb\xbf)?(?:<[0-9]{1,3}>(?:1 )?)?")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
           b"Dec")  # fmt: skip


def stamp(line: bytes, near_sec: float) -> float | None:
    """The time at the start of a line, s since the epoch; a missing year is the one that
    brings it nearest to `near_sec`."""
    if found := _BEFORE_A_STAMP.match(line):
        line = line[found.end() :][:_LONGEST_STAMP]
    try:
        if line[4:5] == b"-" and line[10:11] in (b"T", b" "):
            words = line.split(b" ", 2)[: 1 if line[10:11] == b"T" else 2]
            return datetime.fromisoformat(b"T".join(words).decode()).timestamp()
        if line[4:5] == b" " and line[:4].isdigit():
            return _traditional(line[5:], (int(line[:4]),), near_sec)
        if line[3:4] == b" " and line[9:10] == b":" and line[12:13] == b":":
            this_year = time.localtime(near_sec).tm_year
            return _traditional(line, (this_year - 1, this_year, this_year + 1), near_sec)
    except (ValueError, OverflowError):
        pass
    return None


def _traditional(line: bytes, years: Iterable[int], near_sec: float) -> float:
    month, day = _MONTHS.index(line[:3]) + 1, int(line[4:6])
    clock = int(line[7:9]), int(line[10:12]), int(line[13:15])
    guesses = (time.mktime((year, month, day, *clock, 0, 0, -1)) for year in years)
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


def show(path: str, since: float, until: float) -> float | None:
    """Print what is wanted of one file; the time of its first line, if that is known.

    Raises OSError: it cannot be read, or is a link that is not to be trusted."""
    with open(opened(path), "rb", buffering=0) as file:
        fd, size = file.fileno(), os.fstat(file.fileno()).st_size
        if os.fstat(fd).st_mtime < since:
            return None
        start: int | None = 0
        if packed_by := _UNPACKERS.get(path.rpartition(".")[2]):
            first, source = next(_unpacked(file, packed_by), b""), _unpacked(file, packed_by)
        else:
            first, start = os.pread(fd, _LONGEST_STAMP, 0), start_of(fd, size, since, until)
            source = lines(fd, max(0, size - _UNKNOWN_BYTES) if start is None else start, size)
        times = " (times unknown, so its last 1 MiB)" if start is None and size else ""
        sys.stdout.buffer.write(f"==> {path} <=={times}\n".encode())
        found = source if start is None else wanted(source, since, until)
        sys.stdout.buffer.writelines(line + b"\n" for line in found)
        return stamp(first, until)


def _unpacked(file: BinaryIO, module: str) -> Iterator[bytes]:
    """The lines of what logrotate compressed, up to a limit."""
    left = _UNPACKED_BYTES
    file.seek(0)
    with closing(importlib.import_module(module).open(file)) as source:
        while left > 0 and (line := source.readline(_LONGEST_LINE)):
            left -= len(line)
            yield line.removesuffix(b"\n")
    if left <= 0:
        print(f"only the first {_UNPACKED_BYTES >> 20} MiB of {file.name}", file=sys.stderr)


def opened(path: str) -> int:
    """A descriptor of a file, or of what a link leads to: both link and target's folders have to
    be root's, as nobody else may choose what is read with root's rights.

    Raises OSError: there is none, or that does not hold."""
    for _ in range(_MOST_LINKS):
        fd = os.open(path, os.O_PATH | os.O_NOFOLLOW)
        about = os.fstat(fd)
        if not stat.S_ISLNK(about.st_mode):
            os.close(fd)
            if not stat.S_ISREG(about.st_mode):
                raise OSError("not a regular file")
            return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        target = os.path.join(os.path.dirname(path), os.readlink("", dir_fd=fd))
        os.close(fd)
        if about.st_uid != 0 or not _is_roots(os.path.dirname(target)):
            break
        path = target
    raise PermissionError("a link that others than root may have made is not followed")


def _is_roots(folder: str) -> bool:
    """Whether only root may replace anything on the way to a folder."""
    while True:
        about = os.lstat(folder)
        others = stat.S_IWOTH | (stat.S_IWGRP if about.st_gid else 0)
        if about.st_uid != 0 or about.st_mode & others or not stat.S_ISDIR(about.st_mode):
            return False
        if folder == os.path.dirname(folder):
            return True
        folder = os.path.dirname(folder)


def rotated(path: str) -> list[tuple[float, str]]:
    """What logrotate made of the log's earlier lines: when it was last written, and its name."""
    folder, _, name = path.rpartition("/")
    form = re.compile(re.escape(name) + _ROTATED)
    found = []
    for one in filter(form.fullmatch, os.listdir(folder or ".")):
        with suppress(FileNotFoundError):
            found.append((os.lstat(f"{folder}/{one}").st_mtime, f"{folder}/{one}"))
    return sorted(found)


def main(since: str, until: str, path: str) -> int:
    """Print what is wanted, oldest first; exit status 1: a file cannot be read."""
    low, high, failed, firsts = float(since), float(until), False, []
    older = rotated(path)
    for file in (*(one for written, one in older if written >= low), path):
        try:
            firsts.append(show(file, low, high))
        except Exception as error:  # each unpacker has errors of its own
            failed = True
            print(f"{file}: {getattr(error, 'strerror', '') or error}", file=sys.stderr)
    first = next((one for one in firsts if one is not None), low)
    if first > low and not (older and older[0][0] < low):
        print(f"the log begins {first - low:.0f} s after the look-back", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
