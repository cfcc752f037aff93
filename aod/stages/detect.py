"""detect: from the event log to declared anomalies.

The position is published after what was found before it is spooled. A detect that is killed in
between declares the same anomalies again, under the same timestamps."""

import logging
import time
from functools import partial
from typing import Final

from aod import log
from aod.config.rules import rules
from aod.detectors.detector import Detector
from aod.smb import peers
from aod.stages.base import StageContext
from aod.stages.declaring import Declaring
from aod.stages.episodes import Episodes
from aod.stages.progress import Progress
from aod.state import spool
from aod.transport.eventlog import EventLog
from aod.transport.position import EventLogError

IDLE_SEC: Final = 0.5
"""A message that was lost with a killed collector delays detection by this at most."""
LOG_WAIT_SEC: Final = 0.2


class Reader:
    """The stage's state: the rules, the progress, and what was declared."""

    def __init__(self, context: StageContext, event_log: EventLog):
        self.context = context
        self.progress = Progress(context.runtime_dir, event_log, context.logger)
        self.declaring = Declaring(context)
        self.episodes = Episodes(context, self.declaring)
        self.detector = self._new_detector()
        for events in self.progress.history():
            self.detector.feed(events)
        self.declaring.remember(self.detector.episodes())

    def _new_detector(self) -> Detector:
        offset_ns = self.progress.event_log.realtime_offset_ns
        names = partial(peers.FILE.read, self.context.runtime_dir)
        return Detector(rules(self.context.config), offset_ns, names)

    def reconfigure(self) -> None:
        """Use a new configuration, if there is one: new rules know the history, and the episodes of
        anomalies that have kept their name and type continue."""
        if self.context.new_config() is None:
            return
        detector = self._new_detector()
        for events in self.progress.history():
            detector.remember(events)
        self.declaring.report_all_suppressed(detector.follow(self.detector))
        for one in detector.episodes():
            if one.fault:
                self._log_fault(f"'{one.name}': {one.fault}")
        self.detector = detector
        self.declaring.remember(detector.episodes())
        self.episodes.make_due()

    def read(self) -> None:
        """Evaluate what is new in the log."""
        declaring = self.declaring
        for end, events in self.progress.unread():
            found = self.detector.feed(events)
            for anomaly in found.anomalies:
                declaring.declare(anomaly)
            for fault in found.faults:
                self._log_fault(fault)
            self.episodes.add_ended(found.ended)
            self.progress.commit(
                end,
                declared=declaring.declared,
                unspooled=declaring.unspooled,
                refused=declaring.refused,
            )

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
            events=self.progress.at,
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
            why = str(error)
        log_once(f"waiting for the event log: {why}")
        context.heartbeat("waiting", why)
        context.new_config()  # it is the one to start with
        context.wait(LOG_WAIT_SEC)
        _empty_inbox(context)
    return None


def _empty_inbox(context: StageContext) -> None:
    """The messages only end the wait; what there is to read is in the event log."""
    for _ in context.messages():
        pass


def run(context: StageContext) -> int:
    """Detect until shut down, and then to the end of the event log."""
    event_log = _open_log(context)
    if event_log is None:
        return 0
    spool.prepare(context.config.state_dir / spool.FOLDER)
    reader = Reader(context, event_log)
    while not context.shutting_down:
        context.wait(IDLE_SEC)
        _empty_inbox(context)
        reader.reconfigure()
        reader.read()
        reader.report(time.monotonic())
        reader.heartbeat()
    reader.read()
    reader.end_episodes()
    reader.heartbeat()
    return 0
