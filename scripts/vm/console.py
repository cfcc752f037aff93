"""The guest's serial console: kept in a file, cut into lines, searched for last words."""

import re
from collections.abc import Callable
from pathlib import Path

_TAIL_LINES = 60

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
_PANIC = "Kernel panic - not syncing"


class Console:
    """Takes the console's bytes as they come; passes each whole line to `on_line`."""

    def __init__(self, log: Path, on_line: Callable[[str], None] | None = None) -> None:
        self._log = log.open("wb", buffering=0)
        self._on_line = on_line
        self._lines: list[str] = []
        self._unfinished = b""

    def close(self) -> None:
        """Take what is left without a newline as the last line."""
        if self._unfinished:
            self.feed(b"\n")
        self._log.close()

    def feed(self, data: bytes) -> None:
        """Add what the guest wrote, in whatever pieces it arrives."""
        self._log.write(data)
        *whole, self._unfinished = (self._unfinished + data).split(b"\n")
        for raw in whole:
            line = _ESCAPES.sub("", raw.decode(errors="replace"))
            self._lines.append(line)
            if self._on_line is not None:
                self._on_line(line)

    @property
    def text(self) -> str:
        """Everything so far."""
        return "\n".join(self._lines)

    def panic(self) -> str | None:
        """The line in which the kernel gives the reason for a panic, if there was one."""
        return next((line for line in self._lines if _PANIC in line), None)


def last_words(text: str) -> str:
    """The end of a console's text, as much as a report should carry."""
    return "\n".join(text.splitlines()[-_TAIL_LINES:])
