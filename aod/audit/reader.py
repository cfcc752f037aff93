"""Reads the audit log: all entries, or what became of one anomaly."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from aod.audit import entries
from aod.audit.log import MAX_ENTRY_BYTES, name
from aod.config.schema import Config
from aod.files import open_trusted


def read(config: Config) -> Iterator[entries.Entry]:
    """The entries that are kept, oldest first; lines that cannot be read are skipped. One at a
    time: the log may be larger than the memory."""
    for number in reversed(range(config.audit.files)):
        for line in _lines(config.aod_output_dir / name(number)):
            with suppress(msgspec.MsgspecError, UnicodeDecodeError):
                yield entries.decode(line)


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
