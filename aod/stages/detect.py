"""detect: from the event log to anomalies, in the spool and on the way to capture.

What has been read is published after what it led to is spooled. A detector that is killed in
between declares again what it declared, under the same timestamp: the same anomaly.
"""

import logging
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from aod import log
from aod.anomaly import Anomaly, Operation
from aod.config.rules import rules
from aod.detectors.detector import Detector, Ended, Episode
from aod.detectors.words import sentence
from aod.event import Events
from aod.smb import peers as peer_names
from aod.stages.base import StageContext
from aod.state import names, spool
from aod.status import anomalies as episodes
from aod.transport.eventlog import EventLog
from aod.transport.eventlog_files import EventLogError
from aod.transport.position import Evaluated, ReadPosition
from aod.transport.wire import Suppressed

IDLE_SEC: Final = 0.5
"""A message that was lost with a killed collector delays detection by this at most."""
LOG_WAIT_SEC: Final = 0.2
MAX_BATCH: Final = 16384
"""Records evaluated at once: a backlog costs time, not memory."""
REPORT_INTERVAL_SEC: Final = 1.0
MAX_SAID: Final = 5
"""Operations of a batch whose end the log tells one by one."""


class Reader:
    """The stage's state: where it stands in the log."""

    def __init__(self, context: StageContext, event_log: EventLog):
        self.context = context
        self.log = event_log
        self.position = ReadPosition.open(context.runtime_dir, event_log.position)
        self.detector = self._new_detector()
        self.outbox = context.outbox("capture")
        self.spool_dir: Path = context.config.state_dir / spool.FOLDER
        self.declared = self._unspooled = self.refused = 0
        said = self.position.get()
        self.at = self._trusted(said.position)
        jumped = max(0, self.at - said.position)
        if jumped:
            context.log.error("%d records are gone that detect had not read", jumped)
        self._before = said._replace(skipped=said.skipped + jumped)
        """What its predecessors had said."""
        self._commit()
        self._ended: deque[Operation] = deque(maxlen=episodes.MAX_ENDED)
        self._told: dict[str, int] = {}
        """By anomaly: the last episode of which was told what it hid."""
        self._reported = episodes.Report()
        self._next_report = 0.0
        self._warn_once = log.WarnOnce(context.log, logging.ERROR)
        for events in self._history():
            self.detector.feed(events)
        self._last = {one.name: one.last_timestamp for one in self.detector.episodes()}

    def _trusted(self, position: int) -> int:
        """Where to go on: never before what is still there, never beyond what was written."""
        return min(max(position, self.log.oldest), self.log.position)

    def _new_detector(self) -> Detector:
        names = partial(peer_names.read, self.context.runtime_dir)
        return Detector(rules(self.context.config), self.log.realtime_offset_ns, names)

    def _history(self) -> Iterator[Events]:
        """What was read before, by this process or its predecessors, as far as it is there."""
        start = self.log.oldest
        while start < self.at:
            end = self.log.piece_end(start, self.at, MAX_BATCH)
            yield self.log.copy(start, end)
            start = end

    def reconfigure(self) -> None:
        """Go on with a new configuration, if there is one: new rules know the history, and the
        episodes of anomalies that have kept their name and type go on."""
        if self.context.new_config() is None:
            return
        detector = self._new_detector()
        for events in self._history():
            detector.remember(events)
        for one in detector.follow(self.detector):
            self._tell_suppressed(one.name, one.last_timestamp, one.suppressed)
        for one in detector.episodes():
            if one.fault:
                self._say_fault(f"'{one.name}': {one.fault}")
        self.detector = detector
        self._last = {one.name: one.last_timestamp for one in detector.episodes()}
        self._next_report = 0.0

    def read(self) -> None:
        """Evaluate what is new in the log."""
        new = self.log.position
        while self.at < new:
            end = self.log.piece_end(self.at, new, MAX_BATCH)
            found = self.detector.feed(self.log.span(self.at, end))
            for anomaly in found.anomalies:
                self.declare(anomaly)
            for fault in found.faults:
                self._say_fault(fault)
            self._tell_ends(found.ended)
            self.at = end
            self._commit()

    def _commit(self) -> None:
        """Publish how far it is, with what that led to."""
        before = self._before
        said = Evaluated(
            position=self.at,
            skipped=before.skipped,
            declared=before.declared + self.declared,
            unspooled=before.unspooled + self._unspooled,
            refused=before.refused + self.refused,
        )
        self.position.commit(said)

    def _say_fault(self, fault: str) -> None:
        self.context.log.error("a rule failed and watches no more, until a restart: %s", fault)

    def declare(self, anomaly: Anomaly) -> None:
        """Spool the anomaly, then tell capture."""
        self._announce(anomaly)
        self.declared += 1
        self.refused += not self._deliver(anomaly)
        self._tell_suppressed(anomaly.name, self._last[anomaly.name], anomaly.suppressed)
        self._last[anomaly.name] = anomaly.timestamp

    def _deliver(self, anomaly: Anomaly) -> bool:
        """Whether capture finds it, now or later."""
        try:
            spool.write(self.spool_dir, anomaly)
        except spool.FullError as error:
            self._warn_once(f"{error}: anomalies that come now get no bundle")
            self._unspooled += 1
            return False
        except (OSError, spool.SpoolError) as error:
            # The message still carries it; only a death of capture right now would lose it.
            self.context.log.error("anomaly %d is not spooled: %s", anomaly.timestamp, error)
            self._unspooled += 1
            return self.outbox.send(anomaly)
        self.outbox.send(anomaly)
        return True

    def _announce(self, anomaly: Anomaly) -> None:
        log.alert(
            self.context.log,
            "%s anomaly '%s' (%s): %s",
            *(anomaly.anomaly, anomaly.name, names.folder(anomaly.timestamp), anomaly.reason),
            AOD_ANOMALY=anomaly.name,
            AOD_ANOMALY_TYPE=anomaly.anomaly,
            AOD_BUNDLE=names.folder(anomaly.timestamp),
            AOD_TIMESTAMP=anomaly.timestamp,
        )

    def _tell_suppressed(self, name: str, timestamp: int, count: int) -> bool:
        """Tell of an episode once, if there is anything to tell; whether there was."""
        if not count or not timestamp or self._told.get(name) == timestamp:
            return False
        self._told[name] = timestamp
        self.outbox.send(Suppressed(name, timestamp, count))
        return True

    def end_episodes(self) -> None:
        """With this process end the episodes: tell what they hid so far."""
        for one in self.detector.episodes():
            self._tell_suppressed(one.name, one.last_timestamp, one.suppressed)

    def beat(self, state: str) -> None:
        self.context.beat(
            state,
            events=self.at,
            anomalies=self.declared,
            refused=self.refused,
            suppressed=sum(one.suppressed for one in self.detector.episodes()),
        )

    def _tell_ends(self, ended: list[Ended]) -> None:
        for one in ended[:MAX_SAID]:
            bundle = f" ({names.folder(one.bundle)})" if one.bundle else ""
            self.context.log.info("hung operation finished: %s%s", sentence(one.operation), bundle)
        if len(ended) > MAX_SAID:
            self.context.log.info("%d more hung operations finished", len(ended) - MAX_SAID)
        self._ended.extend(one.operation for one in ended)

    def report(self, now: float) -> None:
        """Say what changed with the episodes: at most once a second, in the log and for the
        status."""
        if now < self._next_report:
            return
        self._next_report = now + REPORT_INTERVAL_SEC
        report = episodes.Report(self.detector.episodes(), tuple(self._ended))
        for episode in report.episodes:
            self._say_if_over(episode, int(now * 1e9))
        if report != self._reported:
            try:
                episodes.FILE.write(self.context.runtime_dir, report)
            except OSError as error:
                self._warn_once(f"the status is not written: {error}")
            else:
                self._warn_once.clear()
            self._reported = report

    def _say_if_over(self, episode: Episode, now_ns: int) -> None:
        if now_ns < episode.quiet_until_ns:
            return
        timestamp, hidden = episode.last_timestamp, episode.suppressed
        if self._tell_suppressed(episode.name, timestamp, hidden):
            self.context.log.warning(
                "%s anomaly '%s' (aod_%d): cool-down ended, %d %s suppressed",
                *(
                    episode.anomaly,
                    episode.name,
                    timestamp,
                    hidden,
                    "trigger" if hidden == 1 else "triggers",
                ),
            )


def _open_log(context: StageContext) -> EventLog | None:
    """The log, as soon as the collector has made it; None when told to stop before."""
    log_once = log.WarnOnce(context.log, logging.INFO)
    while not context.stopping:
        try:
            return EventLog.reader(context.runtime_dir)
        except EventLogError as error:
            why = str(error)
        log_once(f"waiting for the event log: {why}")
        context.beat("waiting", why)
        context.new_config()  # it is the one to begin with
        context.wait(LOG_WAIT_SEC)
        for _ in context.messages():
            pass
    return None


def run(context: StageContext) -> int:
    """Detect until told to stop, and then to the end of the log."""
    event_log = _open_log(context)
    if event_log is None:
        return 0
    spool.prepare(context.config.state_dir / spool.FOLDER)
    reader = Reader(context, event_log)
    while not context.stopping:
        context.wait(IDLE_SEC)
        for _ in context.messages():  # doorbells; the truth is the log's position
            pass
        reader.reconfigure()
        reader.read()
        reader.report(time.monotonic())
        reader.beat("ready")
    reader.read()
    reader.end_episodes()
    reader.beat("stopping")
    return 0
