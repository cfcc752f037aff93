"""detect: from the event log to declared anomalies.

The position is published after what was found before it is spooled. A detect that is killed in
between declares the same anomalies again, under the same timestamps."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from aod import log
from aod.config.rules import rules
from aod.detectors.detector import Detector, Found
from aod.event import Events
from aod.smb import peers
from aod.stages.base import StageContext
from aod.stages.declaring import Declaring, Episodes
from aod.state import spool
from aod.transport.eventlog import EventLog
from aod.transport.position import Evaluated, EventLogError, ReadPosition

IDLE_SEC: Final = 0.5
"""A message that was lost with a killed collector delays detection by this at most."""
LOG_WAIT_SEC: Final = 0.2
SETTLED_NS: Final = 10**9
"""Records that ended so long before collect read the kernel's counters are in the log: it drains
the ring before that."""
MAX_BATCH: Final = 16384
"""Records evaluated at once: a backlog costs time, not memory."""


class Reader:
    """The stage's state: the rules, the progress, and what was declared.

    Attributes:
        at: everything in the event log before it was evaluated or skipped."""

    def __init__(self, context: StageContext, event_log: EventLog):
        """Continue where the last detect stopped, within what the log still holds."""
        self.context = context
        self.event_log = event_log
        self.position = ReadPosition.open(context.runtime_dir, event_log.position)
        before = self.position.get()
        self.at = min(max(before.position, event_log.oldest), event_log.position)
        if jumped := max(0, self.at - before.position):
            context.logger.error("%d records were overwritten before detect read them", jumped)
        self._settled_ns = before.settled_ns
        self._before = before._replace(skipped=before.skipped + jumped)
        self.declaring = Declaring(context)
        self.episodes = Episodes(context, self.declaring)
        self._commit(self.at)
        self.detector = self._new_detector(Detector.feed)
        self.detector.settle(before.settled_ns)
        self.declaring.remember(self.detector.episodes())

    def _commit(self, at: int) -> None:
        """Publish the position, with the totals of this process so far."""
        self.at, before, now = at, self._before, self.declaring
        self.position.commit(
            Evaluated(
                position=at,
                skipped=before.skipped,
                declared=before.declared + now.declared,
                unspooled=before.unspooled + now.unspooled,
                refused=before.refused + now.refused,
                settled_ns=self._settled_ns,
            )
        )

    def _new_detector(self, learn: Callable[[Detector, Events], object]) -> Detector:
        """One that has learnt what was read before, as far as the log still holds it."""
        event_log, names = self.event_log, partial(peers.FILE.read, self.context.runtime_dir)
        detector = Detector(rules(self.context.config), event_log.realtime_offset_ns, names)
        start = event_log.oldest
        while start < self.at:
            end = event_log.piece_end(start, self.at, MAX_BATCH)
            learn(detector, event_log.copy(start, end))
            start = end
        return detector

    def reconfigure(self) -> None:
        """Use a new configuration, if there is one: new rules know the history, and the episodes of
        anomalies that have kept their name and type continue."""
        if self.context.new_config() is None:
            return
        detector = self._new_detector(Detector.remember)
        self.declaring.report_all_suppressed(detector.follow(self.detector))
        for one in detector.episodes():
            if one.fault:
                self._log_fault(f"'{one.name}': {one.fault}")
        self.detector = detector
        self.declaring.remember(detector.episodes())
        self.episodes.due = 0.0

    def read(self) -> None:
        """Evaluate what is new in the log; when nothing is, what only waited for its time."""
        settled_ns = int(self.event_log.header["stats_ns"]) - SETTLED_NS
        new = self.event_log.position
        self.detector.realtime_offset_ns = self.event_log.realtime_offset_ns
        if self.at == new:
            self._settle(settled_ns)
        while self.at < new:
            end = self.event_log.piece_end(self.at, new, MAX_BATCH)
            self._tell(self.detector.feed(self.event_log.span(self.at, end)))
            self._commit(end)

    def _settle(self, settled_ns: int) -> None:
        late = self.detector.settle(settled_ns)
        self._tell(late)
        if late.anomalies:
            self._settled_ns = settled_ns
            self._commit(self.at)

    def _tell(self, found: Found) -> None:
        for anomaly in found.anomalies:
            self.declaring.declare(anomaly)
        for fault in found.faults:
            self._log_fault(fault)
        self.episodes.add_ended(found.ended)

    def _log_fault(self, fault: str) -> None:
        self.context.logger.error("a rule failed and is off until a restart: %s", fault)

    def report(self, now: float) -> None:
        """Report the episodes, if that is due; `now` is monotonic seconds."""
        self.episodes.tick(self.detector.episodes(), now)

    def end_episodes(self) -> None:
        """The episodes end with this process: report what they suppressed so far."""
        self.declaring.report_all_suppressed(self.detector.episodes())

    def heartbeat(self) -> None:
        problem = self.declaring.problem
        self.context.heartbeat(
            "impaired" if problem else "ready",
            problem,
            events=self.at,
            anomalies=self.declaring.declared,
            refused=self.declaring.refused,
            suppressed=sum(one.suppressed for one in self.detector.episodes()),
        )


def _open_log(context: StageContext) -> EventLog | None:
    """The event log, as soon as collect has created it; None on a shutdown before that."""
    log_once = log.WarnOnce(context.logger, logging.INFO)
    while not context.shutting_down:
        try:
            return EventLog.reader(context.runtime_dir)
        except EventLogError as error:
            log_once(f"waiting for the event log: {error}")
            context.heartbeat("waiting", str(error))
        context.new_config()  # it is the one to start with
        _wait(context, LOG_WAIT_SEC)
    return None


def _wait(context: StageContext, timeout_sec: float) -> None:
    """The messages only end the wait; what there is to read is in the event log."""
    context.wait(timeout_sec)
    for _ in context.inbox.messages():
        pass


def run(context: StageContext) -> int:
    """Detect until shut down, and then to the end of the event log."""
    event_log = _open_log(context)
    if event_log is None:
        return 0
    spool.prepare(context.config.state_dir / spool.FOLDER)
    reader = Reader(context, event_log)
    while not context.shutting_down:
        _wait(context, IDLE_SEC)
        reader.reconfigure()
        reader.read()
        reader.report(time.monotonic())
        reader.heartbeat()
    reader.read()
    reader.end_episodes()
    reader.heartbeat()
    return 0
