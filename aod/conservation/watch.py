"""The watch over the sums: checks them once a second, and alerts where one does not hold."""

import logging
from typing import Final

import msgspec

from aod import log
from aod.audit.daemon import DaemonAudit
from aod.audit.entries import Conservation
from aod.config.schema import Config
from aod.conservation import violation
from aod.conservation.reading import Reader
from aod.conservation.sums import Reading, find_violations
from aod.conservation.violation import Violation
from aod.text import utc_now
from aod.transport.eventlog import EventLog

INTERVAL_SEC: Final = 1.0
AGAIN_SEC: Final = 60.0
"""A violation that grows is reported again, but not sooner."""


class Watch:
    """Checks the sums."""

    def __init__(
        self, config: Config, event_log: EventLog, audit: DaemonAudit, logger: logging.Logger
    ) -> None:
        self._runtime_dir = config.runtime_dir
        self._reader = Reader(event_log, config.runtime_dir, config.state_dir)
        self._audit, self._logger = audit, logger
        self._last: Reading | None = None
        self._next = 0.0
        # What does not hold, or did not, by sum and command; until a clean shutdown.
        self._violations = {one.key: one for one in violation.FILE.read(config.runtime_dir)}
        self._again_at: dict[tuple[str, str], float] = {}
        self._warn_once = log.WarnOnce(logger, logging.ERROR)

    def tick(self, now: float) -> None:
        """Check the sums, if that is due; `now` is monotonic seconds."""
        if now < self._next:
            return
        self._next = now + INTERVAL_SEC
        try:
            reading = self._reader.read()
        except OSError as error:
            self._warn_once(f"the sums cannot be checked: {error}")
            return
        found = find_violations(self._last, reading)
        self._last = reading
        news = [one for one in found if self._is_news(one, now)]
        for one in news:
            self._report(one, now)
        try:
            if news:
                violation.FILE.write(self._runtime_dir, tuple(self._violations.values()))
        except OSError as error:
            self._warn_once(f"{violation.FILE.name} cannot be written: {error}")

    def _is_news(self, one: Violation, now: float) -> bool:
        known = self._violations.get(one.key)
        return not known or (one.by > known.by and now >= self._again_at.get(one.key, 0.0))

    def _report(self, one: Violation, now: float) -> None:
        known = self._violations.get(one.key)
        since = known.since if known else utc_now()
        self._violations[one.key] = msgspec.structs.replace(one, since=since)
        self._again_at[one.key] = now + AGAIN_SEC
        text = f"something is lost, or counted twice: {violation.sentence(one)}"
        fields = {"AOD_SUM": one.sum, "AOD_COMMAND": one.command, "AOD_OFF_BY": one.by}
        log.alert(self._logger, "%s", text, **fields)
        entry = Conservation(
            sum=one.sum, command=one.command, left=one.left, right=one.right, by=one.by
        )
        self._audit.write(entry)
