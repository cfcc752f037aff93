"""Logging: to stderr, with journald's priorities under systemd."""

import logging
import os
import sys
from typing import Final

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
ROOT: Final = logging.getLogger("aod")

# sd-daemon(3): a line that begins with <N> has priority N.
_PRIORITIES: Final = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}


class LevelError(ValueError):
    """AOD_LOG_LEVEL is no level."""


class _JournalFormatter(logging.Formatter):
    """Every line of a record carries the priority: journald takes each for an entry."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_PRIORITIES.get(record.levelname, 6)}>"
        return "\n".join(prefix + line for line in super().format(record).splitlines())


def _goes_to_journal() -> bool:
    """systemd.exec(5): the variable names its stream, for children of another inherit it."""
    try:
        info = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{info.st_dev}:{info.st_ino}"


def setup(level: str | None = None) -> None:
    """Log to stderr from `level` on (default: AOD_LOG_LEVEL, else INFO).

    Raises:
        LevelError: not one of `LEVELS`.
    """
    level = (level or os.environ.get("AOD_LOG_LEVEL") or "INFO").upper()
    if level not in LEVELS:
        raise LevelError(f"AOD_LOG_LEVEL={level}: not a level; allowed: {', '.join(LEVELS)}")
    handler = logging.StreamHandler(sys.stderr)
    if _goes_to_journal():
        handler.setFormatter(_JournalFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
        )
    ROOT.handlers[:] = [handler]
    ROOT.setLevel(level)
    ROOT.propagate = False
