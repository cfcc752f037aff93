"""Logging: to the journal with its fields, or to a terminal, and anomalies to syslog as well.

Nothing here waits: a receiver that is stuck must not stop the daemon."""

import logging
import os
import select
import sys
import time
from typing import Final

from aod import systemd
from aod.text import one_line, shown

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
ALERT: Final = 60
"""Above CRITICAL: an anomaly, or a sum of conservation that does not hold. See `alert`."""
ROOT: Final = logging.getLogger("aod")
SYSLOG_SOCKET: Final = "/dev/log"

# sd-daemon(3), syslog(3).
_PRIORITIES: Final = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2, "ALERT": 1}
_FORMAT: Final = "%(name)s: %(message)s"
_PLAIN: Final = logging.Formatter(_FORMAT)

logging.addLevelName(ALERT, "ALERT")


class LevelError(ValueError):
    """The value of AOD_LOG_LEVEL is not a level."""


def fields(**named: object) -> dict[str, object]:
    """`extra` of a message that has fields (`AOD_BUNDLE=...`) in the journal."""
    return {"journal": named}


def alert(logger: logging.Logger, message: str, *args: object, **named: object) -> None:
    """Log at ALERT, with fields for the journal (`AOD_ANOMALY=...`)."""
    logger.log(ALERT, message, *args, extra=fields(**named), stacklevel=2)


class WarnOnce:
    """Logs each complaint once until `clear`; a changed one is another. It forgets old ones."""

    def __init__(self, logger: logging.Logger, level: int = logging.WARNING) -> None:
        self._logger, self._level = logger, level
        self._known: set[str] = set()

    def __call__(self, complaint: str) -> None:
        if complaint in self._known:
            return
        if len(self._known) >= 100:
            self._known.clear()
        self._known.add(complaint)
        self._logger.log(self._level, "%s", complaint)

    def clear(self) -> None:
        """Forget all complaints: things work again."""
        self._known.clear()


class _LineFormatter(logging.Formatter):
    """Indents all lines but the first, and makes them printable, so that none can pose as another
    message or control the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).expandtabs().splitlines()
        return "\n    ".join(map(shown, lines))


class _StreamFormatter(_LineFormatter):
    """Begins every line with the priority: journald makes each line of a stream an entry."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_priority(record)}>"
        return "\n".join(prefix + line for line in super().format(record).split("\n"))


class _JournalHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Sends to journald's socket or, if that fails, writes to stderr, which is its stream."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(_StreamFormatter(_FORMAT))
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            stage = record.name.removeprefix("aod.")
            named = {"AOD_STAGE": stage, **getattr(record, "journal", {})}
            if systemd.journal_send(_PLAIN.format(record), _priority(record), named):
                lost, self._lost = self._lost, 0
                if lost:
                    text = f"aod: {lost} messages are missing here: journald did not accept them"
                    systemd.journal_send(text, _PRIORITIES["WARNING"], {})
            elif select.select([], [sys.stderr], [], 0)[1]:  # else it would wait
                super().emit(record)
            else:
                self._lost += 1
        except Exception:
            self.handleError(record)


class _SyslogHandler(logging.Handler):
    """Sends alerts to syslog(3)'s socket, in the format of RFC 3164, as facility 3 (daemon)."""

    def __init__(self) -> None:
        super().__init__(ALERT)
        self.setFormatter(_PLAIN)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            head = f"<{3 << 3 | _priority(record)}>{time.strftime('%b %e %T')}"
            text = f"{head} aod[{os.getpid()}]: {one_line(self.format(record))}"
            systemd.send_datagram(SYSLOG_SOCKET, text.encode(errors="replace")[: 8 << 10])
        except Exception:
            self.handleError(record)


def _priority(record: logging.LogRecord) -> int:
    return _PRIORITIES.get(record.levelname, 6)


def setup(level: str | None = None) -> None:
    """Log from `level` on (default: AOD_LOG_LEVEL, else INFO). Raises LevelError: not one of
    `LEVELS`."""
    level = (level or os.environ.get("AOD_LOG_LEVEL") or "INFO").upper()
    if level not in LEVELS:
        raise LevelError(f"AOD_LOG_LEVEL={level}: not a level; allowed: {', '.join(LEVELS)}")
    if systemd.stderr_is_journal():
        ROOT.handlers[:] = [_JournalHandler()]
    else:
        form = _LineFormatter(f"%(asctime)s UTC %(levelname)-7s {_FORMAT}", "%Y-%m-%d %H:%M:%S")
        form.converter = time.gmtime
        terminal = logging.StreamHandler(sys.stderr)
        terminal.setFormatter(form)
        ROOT.handlers[:] = [terminal, _SyslogHandler()]
    ROOT.setLevel(level)
    ROOT.propagate = False
