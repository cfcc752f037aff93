"""Names of files in the output and spool folders, from and to timestamps (ns since the epoch)."""

import re
from typing import Final

AUDIT_FILE: Final = "audit.jsonl"
"""In the output folder."""
PACKETS_FOLDER: Final = "packets"
"""The packet ring, in the runtime folder."""

_DIGITS: Final = "([1-9][0-9]{0,19})"
_FOLDER: Final = re.compile(f"aod_{_DIGITS}")
_ARCHIVE: Final = re.compile(rf"aod_{_DIGITS}\.tar\.zst")
_UNFINISHED: Final = re.compile(rf"\.aod_{_DIGITS}\.tar\.zst\.tmp")
_SPOOLED: Final = re.compile(rf"{_DIGITS}\.json")


def folder(timestamp: int) -> str:
    """A bundle that is being filled, and the only folder in its archive."""
    return f"aod_{timestamp}"


def archive(timestamp: int) -> str:
    """A sealed bundle."""
    return f"aod_{timestamp}.tar.zst"


def unfinished(timestamp: int) -> str:
    """An archive that is being written."""
    return f".aod_{timestamp}.tar.zst.tmp"


def spooled(timestamp: int) -> str:
    """A spool entry."""
    return f"{timestamp}.json"


def timestamp_of_folder(name: str) -> int | None:
    """The timestamp of a bundle that is (or was) being filled; None for any other name."""
    return _timestamp(_FOLDER, name)


def timestamp_of_archive(name: str) -> int | None:
    """The timestamp of a sealed bundle; None for any other name."""
    return _timestamp(_ARCHIVE, name)


def timestamp_of_unfinished(name: str) -> int | None:
    """The timestamp of an archive that is being written; None for any other name."""
    return _timestamp(_UNFINISHED, name)


def timestamp_of_spooled(name: str) -> int | None:
    """The timestamp of a spool entry; None for any other name."""
    return _timestamp(_SPOOLED, name)


def _timestamp(pattern: re.Pattern[str], name: str) -> int | None:
    match = pattern.fullmatch(name)
    return int(match[1]) if match else None
