"""The audit log: `audit.jsonl` in the output folder, appended to by several processes.

An entry is one write under an flock, so lines are whole and in the order of their times. A file
that has grown to `audit.max_mb` becomes `audit.jsonl.1`, that becomes `.2`, and so on. Whoever can
write to the folder may put other things under these names: only our own regular files without a
second link are written or moved, everything else stays as it is. Our own files are those of the
folder's owner, as whom cleanup writes; root gives him the files that it creates.

Writing never raises and never waits long: the daemon's work is worth more than its audit log. An
entry that could not be written is counted, and the next one that can be is preceded by a `loss`."""

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from aod.audit.entries import Entry, Lost, encode
from aod.config.schema import Config
from aod.files import closing_fd, open_trusted, opened_folder, why_untrusted
from aod.log import WarnOnce
from aod.state.lock import lock_named
from aod.state.names import AUDIT_FILE

MAX_ENTRY_BYTES: Final = 1 << 20
"""More than any entry has; a file holds at least one."""
MOST_FILES: Final = 100
"""Upper bound of `audit.files`."""
LOCK_WAIT_SEC: Final = 1.0
"""Our own processes hold the lock for microseconds; a stranger may never release it."""
_MAX_ATTEMPTS: Final = 1000


class AuditLog:
    """Writes to the log; holds nothing open, so it may be used after a fork.

    Attributes:
        missed: entries that could not be written, for which there is no `loss` yet."""

    def __init__(self, config: Config, logger: logging.Logger) -> None:
        self.use(config)
        self._logger = logger
        self._warn_once = WarnOnce(logger)
        self.missed = 0

    def use(self, config: Config) -> None:
        """Use this configuration's settings."""
        self._enabled = config.audit.enabled
        self._folder = config.aod_output_dir
        self._max_bytes = int(config.audit.max_mb * (1 << 20))
        self._files = config.audit.files

    def write(self, entry: Entry) -> None:
        """Append an entry with the current time; a failure is logged once, and never raised."""
        if not self._enabled:
            return
        try:
            with opened_folder(self._folder) as folder_fd:
                self._append(folder_fd, entry)
        except OSError as error:
            self.missed += 1
            why = error.strerror or str(error)
            self._warn_once(f"audit log: {self._folder / AUDIT_FILE} is not written: {why}")
            return
        if self.missed:
            self.report_recovery(self.missed)
            self.missed = 0
            self._warn_once.clear()

    def miss(self, count: int) -> None:
        """Count entries that the caller could not pass on; they become part of the next `loss`."""
        self.missed += count

    def report_recovery(self, missed: int) -> None:
        """Log that the file can be written again."""
        self._logger.warning("the audit log can be written again; %d entries are missing", missed)

    def _append(self, folder_fd: int, entry: Entry) -> None:
        patience_sec = 0.0 if self.missed else LOCK_WAIT_SEC
        for _ in range(_MAX_ATTEMPTS):
            with closing_fd(_open_ours(folder_fd)) as fd:
                named = lock_named(fd, AUDIT_FILE, patience_sec, dir_fd=folder_fd)
                if named and self._is_written(fd, folder_fd, entry):
                    return
        raise OSError("it is replaced again and again")

    def _is_written(self, fd: int, folder_fd: int, entry: Entry) -> bool:
        """Whether the entry is in the locked file; else another file has the name now."""
        lines, size = self._lines(entry), os.fstat(fd).st_size
        if size and size + len(lines) > self._max_bytes:
            self._rotate(folder_fd)
            return False
        _write_whole(fd, size, lines)
        return True

    def _lines(self, entry: Entry) -> bytes:
        now = datetime.now(UTC)
        missed = Lost(lost="audit records", count=self.missed)
        return (encode(missed, now) if self.missed else b"") + encode(entry, now)

    def _rotate(self, folder_fd: int) -> None:
        usable = [number for number in range(1, self._files) if self._is_usable(folder_fd, number)]
        for source, target in moves(usable):
            with suppress(FileNotFoundError):
                os.rename(name(source), name(target), src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        if not usable:
            os.unlink(AUDIT_FILE, dir_fd=folder_fd)
        for number in range(self._files, MOST_FILES):  # `audit.files` was larger once
            with suppress(FileNotFoundError):
                if _is_ours(_status(folder_fd, number), folder_fd):
                    os.unlink(name(number), dir_fd=folder_fd)

    def _is_usable(self, folder_fd: int, number: int) -> bool:
        """Whether the name is free, or that of a file of our own."""
        try:
            ours = _is_ours(_status(folder_fd, number), folder_fd)
        except FileNotFoundError:
            return True
        if not ours:
            path = self._folder / name(number)
            self._warn_once(f"audit log: {path} is no file of ours; left as it is")
        return ours


def name(number: int) -> str:
    """The name of a file: 0 is the one that is written, higher numbers are older."""
    return f"{AUDIT_FILE}.{number}" if number else AUDIT_FILE


def moves(usable: Sequence[int]) -> list[tuple[int, int]]:
    """Which file becomes which, in this order, so that 0 is free; the last one is overwritten.

    Args:
        usable: numbers above 0 that may be written, ascending."""
    return list(zip([0, *usable], usable, strict=False))[::-1]


def _open_ours(folder_fd: int) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    owners = _owners(folder_fd)
    fd = open_trusted(AUDIT_FILE, owners, links=1, flags=flags, dir_fd=folder_fd)
    try:
        _give_to_owner(fd, os.fstat(folder_fd))
    except OSError:
        os.close(fd)
        raise
    return fd


def _give_to_owner(fd: int, folder: os.stat_result) -> None:
    if os.fstat(fd).st_uid != folder.st_uid:
        os.fchown(fd, folder.st_uid, folder.st_gid)


def _status(folder_fd: int, number: int) -> os.stat_result:
    return os.stat(name(number), dir_fd=folder_fd, follow_symlinks=False)


def _is_ours(status: os.stat_result, folder_fd: int) -> bool:
    return not why_untrusted(status, _owners(folder_fd), links=1)


def _owners(folder_fd: int) -> tuple[int, int]:
    return os.geteuid(), os.fstat(folder_fd).st_uid


def _write_whole(fd: int, size: int, lines: bytes) -> None:
    """Append all of it, or nothing; on a new line, whatever a crash left."""
    if size and os.pread(fd, 1, size - 1) != b"\n":
        lines = b"\n" + lines
    try:
        written = os.write(fd, lines)
    except OSError:
        os.ftruncate(fd, size)
        raise
    if written != len(lines):
        os.ftruncate(fd, size)
        raise OSError("no space for a whole entry")
