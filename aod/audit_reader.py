"""What the audit log has about one anomaly."""

from contextlib import suppress

import msgspec

from aod import audit
from aod.audit_records import (
    CaptureFailed,
    CaptureInterrupted,
    CaptureRefused,
    CaptureSealed,
    Record,
    decode,
)
from aod.config import Config
from aod.files import read_regular


def read(config: Config) -> list[Record]:
    """The records that are kept, oldest first; what cannot be read is passed over."""
    records = []
    for number in reversed(range(config.audit.files)):
        for line in _lines(config, number):
            with suppress(msgspec.MsgspecError, UnicodeDecodeError):
                records.append(decode(line))
    return records


def why_no_bundle(config: Config, timestamp: int) -> str:
    """What became of a capture, in words; for one of which there is neither entry nor bundle."""
    for record in reversed(read(config)):
        if getattr(record, "timestamp", None) != timestamp:
            continue
        match record:
            case CaptureSealed():
                return "it was sealed, and is gone since"
            case CaptureRefused(why=why):
                return f"it was refused: {why}"
            case CaptureFailed(why=why):
                return f"it failed: {why}"
            case CaptureInterrupted(why=why):
                return f"it was interrupted: {why}"
    return "it was refused or set aside; the daemon's log says why"


def _lines(config: Config, number: int) -> list[bytes]:
    path = config.aod_output_dir / audit.name(number)
    with suppress(OSError, ValueError):
        return read_regular(path, audit.largest_bytes(config)).splitlines()
    return []
