"""The watch over the sums: looks once a second, and raises the alarm where one does not hold."""

import logging
from pathlib import Path
from typing import Final

import msgspec

from aod import log
from aod.audit.daemon import DaemonAudit
from aod.audit.entries import Conservation
from aod.config.schema import Config
from aod.conservation import violation
from aod.conservation.reading import Looker
from aod.conservation.sums import Look, check
from aod.conservation.violation import Violation
from aod.text import utc_now
from aod.transport.eventlog import EventLog

INTERVAL_SEC: Final = 1.0
AGAIN_SEC: Final = 60.0
"""A violation that grows is told again, but not sooner."""


class Watch:
    """What was found so far; it stands until the daemon's clean end.

    Attributes:
        violations: what does not hold, or did not, by sum and command.
    """

    def __init__(
        self, config: Config, event_log: EventLog, audit: DaemonAudit, logger: logging.Logger
    ) -> None:
        self._runtime_dir: Path = config.runtime_dir
        self._looker = Looker(event_log, config.runtime_dir, config.state_dir)
        self._audit = audit
        self._log = logger
        self._last: Look | None = None
        self._next_look = 0.0
        self.violations = {one.key: one for one in violation.FILE.read(config.runtime_dir)}
        self._told_at: dict[tuple[str, str], float] = {}
        self._warn_once = log.WarnOnce(logger, logging.ERROR)

    def tick(self, now: float) -> None:
        """Look, if it is time; `now` is monotonic seconds."""
        if now < self._next_look:
            return
        self._next_look = now + INTERVAL_SEC
        try:
            look = self._looker.look()
        except OSError as error:
            self._warn_once(f"the sums cannot be looked at: {error}")
            return
        grown = [one for one in check(self._last, look) if self._is_news(one, now)]
        self._last = look
        for one in grown:
            self._tell(one, now)
        if grown:
            self._write()

    def _is_news(self, one: Violation, now: float) -> bool:
        known = self.violations.get(one.key)
        if known is None:
            return True
        return one.by > known.by and now - self._told_at.get(one.key, -AGAIN_SEC) >= AGAIN_SEC

    def _tell(self, one: Violation, now: float) -> None:
        known = self.violations.get(one.key)
        since = known.since if known else utc_now()
        self.violations[one.key] = msgspec.structs.replace(one, since=since)
        self._told_at[one.key] = now
        log.alert(
            self._log,
            "something is lost, or counted twice: %s",
            violation.sentence(one),
            AOD_SUM=one.sum,
            AOD_COMMAND=one.command,
            AOD_OFF_BY=one.by,
        )
        self._audit.violated(
            Conservation(
                sum=one.sum, command=one.command, left=one.left, right=one.right, by=one.by
            )
        )

    def _write(self) -> None:
        try:
            violation.FILE.write(self._runtime_dir, tuple(self.violations.values()))
        except OSError as error:
            self._warn_once(f"{violation.FILE.name} is not written: {error}")
