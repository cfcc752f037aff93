"""detect's report on the episodes of its anomalies: for `aod status`, and in the log."""

import logging
from collections import deque
from collections.abc import Sequence
from typing import Final

from aod import log
from aod.anomaly import Operation
from aod.detectors.describe import sentence
from aod.detectors.detector import Ended, Episode
from aod.stages.base import StageContext
from aod.stages.declaring import Declaring
from aod.state import names
from aod.status import anomalies

INTERVAL_SEC: Final = 1.0
MAX_LOGGED: Final = 5
"""Operations of a batch whose end is logged one by one."""


class Episodes:
    """Reports what changed, at most once a second."""

    def __init__(self, context: StageContext, declaring: Declaring) -> None:
        self._runtime_dir = context.runtime_dir
        self._logger = context.logger
        self._declaring = declaring
        self._warn_once = log.WarnOnce(context.logger, logging.ERROR)
        self._ended: deque[Operation] = deque(maxlen=anomalies.MAX_ENDED)
        self._last = anomalies.AnomalyReport()
        self._next = 0.0

    def add_ended(self, ended: Sequence[Ended]) -> None:
        """Log how operations ended that had been reported as hung."""
        for one in ended[:MAX_LOGGED]:
            bundle = f" ({names.folder(one.bundle)})" if one.bundle else ""
            text = f"hung operation finished: {sentence(one.operation)}{bundle}"
            self._logger.info("%s", text)
        if len(ended) > MAX_LOGGED:
            self._logger.info("%d more hung operations finished", len(ended) - MAX_LOGGED)
        self._ended.extend(one.operation for one in ended)

    def make_due(self) -> None:
        """Let the next `tick` report."""
        self._next = 0.0

    def tick(self, episodes: tuple[Episode, ...], now: float) -> None:
        """Report, if that is due; `now` is monotonic seconds."""
        if now < self._next:
            return
        self._next = now + INTERVAL_SEC
        for episode in episodes:
            if now * 1e9 >= episode.quiet_until_ns:
                self._end(episode)
        report = anomalies.AnomalyReport(episodes, tuple(self._ended))
        if report != self._last:
            self._write(report)
            self._last = report

    def _write(self, report: anomalies.AnomalyReport) -> None:
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
