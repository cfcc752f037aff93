"""What the audit log has about one anomaly."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from aod.audit import log as audit
from aod.audit.entries import (
    CaptureFailed,
    CaptureInterrupted,
    CaptureRefused,
    CaptureSealed,
    Record,
    decode,
)
from aod.config.schema import Config
from aod.files import open_trusted


def read(config: Config) -> Iterator[Record]:
    """The records that are kept, oldest first; what cannot be read is passed over.

    One at a time: the log may be larger than the memory.
    """
    for number in reversed(range(config.audit.files)):
        for line in _lines(config.aod_output_dir / audit.name(number)):
            with suppress(msgspec.MsgspecError, UnicodeDecodeError):
                yield decode(line)


def why_no_bundle(config: Config, timestamp: int) -> str:
    """What became of a capture, in words; for one of which there is neither entry nor bundle."""
    told = "it was refused or set aside; the daemon's log says why"
    for record in read(config):
        if getattr(record, "timestamp", None) != timestamp:
            continue
        match record:
            case CaptureSealed():
                told = "it was sealed, and is gone since"
            case CaptureRefused(why=why):
                told = f"it was refused: {why}"
            case CaptureFailed(why=why):
                told = f"it failed: {why}"
            case CaptureInterrupted(why=why):
                told = f"it was interrupted: {why}"
    return told


def _lines(path: Path) -> Iterator[bytes]:
    """Of a regular file; one that is longer than any record comes in pieces, which are none."""
    with suppress(OSError, ValueError), os.fdopen(open_trusted(path), "rb") as file:
        while line := file.readline(audit.MAX_RECORD_BYTES):
            yield line
