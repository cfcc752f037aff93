"""Names of files in the output and spool folders, from and to timestamps (ns since the epoch)."""

import re
from typing import Final

AUDIT_FILE: Final = "audit.jsonl"
"""In the output folder."""
PACKETS_FOLDER: Final = "packets"
"""The packet ring, in the runtime folder."""


class Name:
    """Names that differ in the timestamp."""

    def __init__(self, prefix: str, suffix: str = "") -> None:
        self._prefix, self._suffix = prefix, suffix
        pattern = f"{re.escape(prefix)}([1-9][0-9]{{0,19}}){re.escape(suffix)}"
        self._match = re.compile(pattern).fullmatch

    def __call__(self, timestamp: int) -> str:
        return f"{self._prefix}{timestamp}{self._suffix}"

    def timestamp(self, name: str) -> int | None:
        """The timestamp in such a name; None for any other name."""
        match = self._match(name)
        return int(match[1]) if match else None


folder: Final = Name("aod_")
"""A bundle that is (or was) being filled, and the only folder in its archive."""
archive: Final = Name("aod_", ".tar.zst")
"""A sealed bundle."""
unfinished: Final = Name(".aod_", ".tar.zst.tmp")
"""An archive that is being written."""
spooled: Final = Name("", ".json")
