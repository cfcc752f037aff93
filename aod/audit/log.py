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
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from aod.audit import entries
from aod.audit.entries import Entry, Lost, decode, encode
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


class AuditLog:
    """Writes to the log; holds nothing open, so it may be used after a fork."""

    def __init__(self, config: Config, logger: logging.Logger) -> None:
        self.use(config)
        self._logger = logger
        self._warn_once = WarnOnce(logger)
        self.missed = 0
        """Entries that could not be written or passed on, for which there is no `loss` yet."""

    def use(self, config: Config) -> None:
        """Use this configuration's settings."""
        self._settings, self._folder = config.audit, config.aod_output_dir

    def write(self, entry: Entry) -> None:
        """Append an entry with the current time; a failure is logged once, and never raised."""
        if not self._settings.enabled:
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

    def report_recovery(self, missed: int) -> None:
        """Log that the file can be written again."""
        self._logger.warning("the audit log can be written again; %d entries are missing", missed)

    def _append(self, folder_fd: int, entry: Entry) -> None:
        patience_sec = 0.0 if self.missed else LOCK_WAIT_SEC
        for _ in range(1000):
            with closing_fd(_open_ours(folder_fd)) as fd:
                if not lock_named(fd, AUDIT_FILE, patience_sec, dir_fd=folder_fd):
                    continue
                size, now = os.fstat(fd).st_size, datetime.now(UTC)
                missed = [Lost(lost="audit records", count=self.missed)] if self.missed else []
                lines = b"".join(encode(each, now) for each in (*missed, entry))
                if not size or size + len(lines) <= self._settings.max_mb * (1 << 20):
                    _write_whole(fd, size, lines)
                    return
                self._rotate(folder_fd)
        raise OSError("it is replaced again and again")

    def _rotate(self, folder_fd: int) -> None:
        files = self._settings.files
        usable = [number for number in range(1, files) if self._is_usable(folder_fd, number)]
        for source, target in moves(usable):
            with suppress(FileNotFoundError):
                os.rename(name(source), name(target), src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        if not usable:
            os.unlink(AUDIT_FILE, dir_fd=folder_fd)
        for number in range(files, MOST_FILES):  # `audit.files` was larger once
            with suppress(FileNotFoundError):
                if _is_ours(folder_fd, number):
                    os.unlink(name(number), dir_fd=folder_fd)

    def _is_usable(self, folder_fd: int, number: int) -> bool:
        """Whether the name is free, or that of a file of our own."""
        with suppress(FileNotFoundError):
            if not _is_ours(folder_fd, number):
                path = self._folder / name(number)
                self._warn_once(f"audit log: {path} is no file of ours; left as it is")
                return False
        return True


def name(number: int) -> str:
    """The name of a file: 0 is the one that is written, higher numbers are older."""
    return f"{AUDIT_FILE}.{number}" if number else AUDIT_FILE


def moves(usable: Sequence[int]) -> list[tuple[int, int]]:
    """Which file becomes which, in this order, so that 0 is free; the last one is overwritten.
    `usable`: numbers above 0 that may be written, ascending."""
    return list(zip([0, *usable], usable, strict=False))[::-1]


def _open_ours(folder_fd: int) -> int:
    flags, folder = os.O_RDWR | os.O_APPEND | os.O_CREAT, os.fstat(folder_fd)
    owners = os.geteuid(), folder.st_uid
    fd = open_trusted(AUDIT_FILE, owners, links=1, flags=flags, dir_fd=folder_fd)
    try:
        if os.fstat(fd).st_uid != folder.st_uid:
            os.fchown(fd, folder.st_uid, folder.st_gid)
    except OSError:
        os.close(fd)
        raise
    return fd


def _is_ours(folder_fd: int, number: int) -> bool:
    """Raises FileNotFoundError: there is none."""
    status = os.stat(name(number), dir_fd=folder_fd, follow_symlinks=False)
    return not why_untrusted(status, (os.geteuid(), os.fstat(folder_fd).st_uid), links=1)


def _write_whole(fd: int, size: int, lines: bytes) -> None:
    """Append all of it, or nothing; on a new line, whatever a crash left."""
    if size and os.pread(fd, 1, size - 1) != b"\n":
        lines = b"\n" + lines
    try:
        if os.write(fd, lines) != len(lines):
            raise OSError("no space for a whole entry")
    except OSError:
        os.ftruncate(fd, size)
        raise


def read(config: Config) -> Iterator[Entry]:
    """The entries that are kept, oldest first; lines that cannot be read are skipped. One at a
    time: the log may be larger than the memory."""
    for number in reversed(range(config.audit.files)):
        for line in _lines(config.aod_output_dir / name(number)):
            with suppress(msgspec.MsgspecError, UnicodeDecodeError):
                yield decode(line)


def why_no_bundle(config: Config, timestamp: int) -> str:
    """Why an anomaly has neither a spool entry nor a bundle."""
    why_not = "it was refused or failed permanently; the daemon's log says why"
    for entry in read(config):
        if getattr(entry, "timestamp", None) != timestamp:
            continue
        match entry:
            case entries.CaptureSealed():
                why_not = "it was sealed, and has been deleted since"
            case entries.CaptureRefused(why=why):
                why_not = f"it was refused: {why}"
            case entries.CaptureFailed(why=why):
                why_not = f"it failed: {why}"
            case entries.CaptureInterrupted(why=why):
                why_not = f"it was interrupted: {why}"
    return why_not


def _lines(path: Path) -> Iterator[bytes]:
    """Of a regular file; a line longer than any entry comes in pieces, none of which decodes."""
    with suppress(OSError, ValueError), os.fdopen(open_trusted(path), "rb") as file:
        while line := file.readline(MAX_ENTRY_BYTES):
            yield line
