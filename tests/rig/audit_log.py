"""The entries of an audit log: as JSON, as a user's program reads them, and decoded."""

import json
from pathlib import Path
from typing import Any

from aod.audit.entries import Entry, decode
from aod.state.names import AUDIT_FILE


def entries(output_dir: Path, what: str | None = None) -> list[dict[str, Any]]:
    """The entries of an output folder's audit log, oldest first, as JSON; rotated files are not
    read, and where there is no log, there are none.

    Args:
        what: only those of this kind, such as "loss".
    """
    found = map(json.loads, _lines(output_dir / AUDIT_FILE))
    return [one for one in found if what in (None, one["what"])]


def decoded(output_dir: Path, file: str = AUDIT_FILE) -> list[Entry]:
    """The entries in one file of an audit log.

    Raises:
        msgspec.MsgspecError: a line is not an entry. The daemon's own reader passes it over.
    """
    return [decode(line) for line in _lines(output_dir / file)]


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []
