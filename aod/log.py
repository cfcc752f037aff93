"""Logging: to the journal with its fields, or to stderr for a person and anomalies to syslog.

Nothing here waits: a log that nobody takes must not stop what it is about.
"""

import logging
import os
import select
import sys
import time
from collections.abc import Mapping
from typing import Final

from aod import systemd
from aod.text import one_line, shown

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
ALERT: Final = 60
"""Above CRITICAL: an anomaly, or a promise of ours that does not hold. See `alert`."""
ROOT: Final = logging.getLogger("aod")
SYSLOG_SOCKET: Final = "/dev/log"

# sd-daemon(3), syslog(3).
_PRIORITIES: Final = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2, "ALERT": 1}
_FACILITY_DAEMON: Final = 3
_MAX_SYSLOG_BYTES: Final = 8 << 10
_FORMAT: Final = "%(name)s: %(message)s"
_INDENT: Final = "    "
_MOST_COMPLAINTS: Final = 100

logging.addLevelName(ALERT, "ALERT")


class LevelError(ValueError):
    """AOD_LOG_LEVEL is no level."""


def fields(**named: object) -> dict[str, object]:
    """`extra` of a record that has fields (`AOD_BUNDLE=...`) in the journal."""
    return {"journal": named}


def alert(logger: logging.Logger, message: str, *args: object, **named: object) -> None:
    """Log at ALERT, with fields for the journal (`AOD_ANOMALY=...`)."""
    logger.log(ALERT, message, *args, extra=fields(**named), stacklevel=2)


class WarnOnce:
    """Logs each complaint once, until `clear`; it forgets all when there are very many."""

    def __init__(self, logger: logging.Logger, level: int = logging.WARNING) -> None:
        self._logger, self._level = logger, level
        self._known: set[str] = set()

    def __call__(self, complaint: str) -> None:
        """Log it, unless that has been done."""
        if complaint in self._known:
            return
        if len(self._known) >= _MOST_COMPLAINTS:
            self._known.clear()
        self._known.add(complaint)
        self._logger.log(self._level, "%s", complaint)

    def clear(self) -> None:
        """What there was to complain about is over."""
        self._known.clear()


class _LineFormatter(logging.Formatter):
    """No line of a message is taken for a record, or by the terminal: the later are indented."""

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).expandtabs().splitlines()
        return f"\n{_INDENT}".join(map(shown, lines))


class _StreamFormatter(_LineFormatter):
    """Every line carries the priority: journald takes each of its stream for an entry."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_priority(record)}>"
        return "\n".join(prefix + line for line in super().format(record).split("\n"))


class _JournalHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """To journald's socket; where that does not work, to stderr, which is journald's stream."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(_StreamFormatter(_FORMAT))
        self._message = logging.Formatter(_FORMAT)
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if systemd.journal_send(self._entry(record)):
                self._tell_lost()
            elif _takes(sys.stderr.fileno()):
                super().emit(record)
            else:
                self._lost += 1
        except Exception:
            self.handleError(record)

    def _entry(self, record: logging.LogRecord) -> bytes:
        named: dict[str, object] = {"AOD_STAGE": record.name.removeprefix("aod.")}
        more = getattr(record, "journal", None)
        if isinstance(more, Mapping):
            named |= more
        return systemd.journal_entry(self._message.format(record), _priority(record), named)

    def _tell_lost(self) -> None:
        """Say, once journald listens again, how many it did not get."""
        lost, self._lost = self._lost, 0
        if lost:
            text = f"aod: {lost} lines are not in this journal: it did not take them"
            systemd.journal_send(systemd.journal_entry(text, _PRIORITIES["WARNING"], {}))


class _SyslogHandler(logging.Handler):
    """To syslog(3)'s socket, in the form of RFC 3164."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            head = f"<{_FACILITY_DAEMON << 3 | _priority(record)}>{time.strftime('%b %e %T')}"
            text = f"{head} aod[{os.getpid()}]: {one_line(self.format(record))}"
            systemd.send_datagram(SYSLOG_SOCKET, text.encode(errors="replace")[:_MAX_SYSLOG_BYTES])
        except Exception:
            self.handleError(record)


def _priority(record: logging.LogRecord) -> int:
    return _PRIORITIES.get(record.levelname, 6)


def _takes(fd: int) -> bool:
    """Whether a line can be written without a wait."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))


def _terminal() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    formatter = _LineFormatter(f"%(asctime)s UTC %(levelname)-7s {_FORMAT}", "%Y-%m-%d %H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    return handler


def _syslog() -> logging.Handler:
    handler = _SyslogHandler(ALERT)
    handler.setFormatter(logging.Formatter(_FORMAT))
    return handler


def setup(level: str | None = None) -> None:
    """Log from `level` on (default: AOD_LOG_LEVEL, else INFO).

    Raises:
        LevelError: not one of `LEVELS`.
    """
    level = (level or os.environ.get("AOD_LOG_LEVEL") or "INFO").upper()
    if level not in LEVELS:
        raise LevelError(f"AOD_LOG_LEVEL={level}: not a level; allowed: {', '.join(LEVELS)}")
    ROOT.handlers[:] = (
        [_JournalHandler()] if systemd.stderr_is_journal() else [_terminal(), _syslog()]
    )
    ROOT.setLevel(level)
    ROOT.propagate = False
