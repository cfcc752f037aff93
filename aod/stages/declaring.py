"""How detect declares an anomaly: an alert in the log, an entry in the spool, a message to capture.

Capture also gets a message for each episode that suppressed triggers; `aod status` shows all."""

import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from aod import log
from aod.anomaly import Anomaly, Operation
from aod.detectors.describe import sentence
from aod.detectors.detector import Ended, Episode
from aod.stages.base import StageContext
from aod.state import names, spool
from aod.status import anomalies
from aod.transport.wire import Suppressed

IMPAIRED_SEC: Final = 60.0
"""So long after an anomaly could not be spooled, the stage is impaired."""
INTERVAL_SEC: Final = 1.0
MAX_LOGGED: Final = 5
"""Operations of a batch whose end is logged one by one."""


class Declaring:
    """Declares anomalies.

    Attributes:
        declared: anomalies so far.
        unspooled: those of them that are not in the spool.
        refused: those of them that capture will never learn of."""

    def __init__(self, context: StageContext) -> None:
        self.declared = self.unspooled = self.refused = 0
        self.outbox = context.outbox("capture")
        self.spool_dir = context.config.state_dir / spool.FOLDER
        self._logger = context.logger
        self._warn_once = log.WarnOnce(context.logger, logging.ERROR)
        self._last: dict[str, int] = {}
        """By anomaly: the timestamp of its last declaration."""
        self._reported: dict[str, int] = {}
        """By anomaly: the timestamp of the last episode that was reported to capture."""
        self._problem = ""
        self._problem_until = 0.0

    def remember(self, episodes: Iterable[Episode]) -> None:
        """Take over the last declarations of a detector."""
        self._last = {one.name: one.last_timestamp for one in episodes}

    def declare(self, anomaly: Anomaly) -> None:
        """Log the anomaly, spool it, send it to capture."""
        folder = names.folder(anomaly.timestamp)
        log.alert(
            self._logger,
            "%s anomaly '%s' (%s): %s",
            *(anomaly.anomaly, anomaly.name, folder, anomaly.reason),
            AOD_ANOMALY=anomaly.name,
            AOD_ANOMALY_TYPE=anomaly.anomaly,
            AOD_BUNDLE=folder,
            AOD_TIMESTAMP=anomaly.timestamp,
        )
        self.declared += 1
        self.refused += not self._deliver(anomaly)
        self.report_suppressed(anomaly.name, self._last[anomaly.name], anomaly.suppressed)
        self._last[anomaly.name] = anomaly.timestamp

    def _deliver(self, anomaly: Anomaly) -> bool:
        """Whether capture gets it, now or later."""
        try:
            spool.write(self.spool_dir, anomaly)
        except spool.FullError as error:
            self._fail(f"{error}: anomalies that come now get no bundle")
            self._warn_once(self._problem)
            return False
        except (OSError, spool.SpoolError) as error:
            # The message still carries it; only a death of capture right now would lose it.
            self._fail(f"anomaly {anomaly.timestamp} is not spooled: {error}")
            self._logger.error("%s", self._problem)
            return self.outbox.send(anomaly)
        self._problem = ""
        self._warn_once.clear()
        self.outbox.send(anomaly)
        return True

    def _fail(self, problem: str) -> None:
        self.unspooled += 1
        self._problem, self._problem_until = problem, time.monotonic() + IMPAIRED_SEC

    @property
    def problem(self) -> str:
        """Why anomalies may get no bundle; empty: they do."""
        return self._problem if time.monotonic() < self._problem_until else ""

    def report_suppressed(self, name: str, timestamp: int, count: int) -> bool:
        """Send what an episode suppressed, once; whether there was anything to send."""
        if not count or not timestamp or self._reported.get(name) == timestamp:
            return False
        self._reported[name] = timestamp
        self.outbox.send(Suppressed(name, timestamp, count))
        return True

    def report_all_suppressed(self, episodes: Iterable[Episode]) -> None:
        """Send what these episodes, which end now, suppressed."""
        for one in episodes:
            self.report_suppressed(one.name, one.last_timestamp, one.suppressed)


class Episodes:
    """Reports the episodes for `aod status` when they changed, and what ended in the log.

    Attributes:
        due: when the next report is, in monotonic seconds."""

    def __init__(self, context: StageContext, declaring: Declaring) -> None:
        self.due = 0.0
        self._runtime_dir = context.runtime_dir
        self._logger = context.logger
        self._declaring = declaring
        self._warn_once = log.WarnOnce(context.logger, logging.ERROR)
        self._ended: deque[Operation] = deque(maxlen=anomalies.MAX_ENDED)
        self._last = anomalies.AnomalyReport()

    def add_ended(self, ended: Sequence[Ended]) -> None:
        """Log how operations ended that had been reported as hung."""
        for one in ended[:MAX_LOGGED]:
            bundle = f" ({names.folder(one.bundle)})" if one.bundle else ""
            text = f"hung operation finished: {sentence(one.operation)}{bundle}"
            self._logger.info("%s", text)
        if len(ended) > MAX_LOGGED:
            self._logger.info("%d more hung operations finished", len(ended) - MAX_LOGGED)
        self._ended.extend(one.operation for one in ended)

    def tick(self, episodes: tuple[Episode, ...], now: float) -> None:
        """Report, if that is due; `now` is monotonic seconds."""
        if now < self.due:
            return
        self.due = now + INTERVAL_SEC
        for episode in episodes:
            if now * 1e9 >= episode.quiet_until_ns:
                self._end(episode)
        report = anomalies.AnomalyReport(episodes, tuple(self._ended))
        if report == self._last:
            return
        self._last = report
        try:
            anomalies.FILE.write(self._runtime_dir, report)
        except OSError as error:
            self._warn_once(f"the status cannot be written: {error}")
        else:
            self._warn_once.clear()

    def _end(self, one: Episode) -> None:
        """Log once, when the cool-down has ended, how much it suppressed."""
        if self._declaring.report_suppressed(one.name, one.last_timestamp, one.suppressed):
            what = "trigger" if one.suppressed == 1 else "triggers"
            self._logger.warning(
                "%s anomaly '%s' (aod_%d): cool-down ended, %d %s suppressed",
                *(one.anomaly, one.name, one.last_timestamp, one.suppressed, what),
            )
