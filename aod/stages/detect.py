"""detect: from the event log to anomalies, in the spool and on the way to capture.

What has been read is published after what it led to is spooled. A detector that is killed in
between declares again what it declared, under the same timestamp: the same anomaly.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aod import spool
from aod.anomaly import Anomaly
from aod.detectors import window
from aod.detectors.describe import describe
from aod.event import Events
from aod.eventlog import EventLog, EventLogError, ReadPosition
from aod.rules import Rule, rules
from aod.stages.base import StageContext

IDLE_SEC: Final = 0.5
"""A message that was lost with a killed collector delays detection by this at most."""
LOG_WAIT_SEC: Final = 0.2
REMEMBERED_AT_ONCE: Final = 16384


class Detector:
    """All rules of a configuration over one stream of records."""

    def __init__(self, made: Sequence[Rule], realtime_offset_ns: int):
        self._rules = tuple(made)
        self._states = [window.initial_state() for _ in self._rules]
        self._offset_ns = realtime_offset_ns

    def feed(self, events: Events) -> list[Anomaly]:
        """What these records (shape (n,), `EVENT_DTYPE`) give rise to."""
        anomalies = []
        for index, rule in enumerate(self._rules):
            self._states[index], declared = window.step(rule, self._states[index], events)
            anomalies += [describe(rule, index, one, self._offset_ns) for one in declared]
        return anomalies

    @property
    def suppressed(self) -> int:
        """Triggers counted in the present episodes."""
        return sum(state.suppressed for state in self._states)


class Reader:
    """The stage's state: where it stands in the log."""

    def __init__(self, context: StageContext, log: EventLog):
        self.context = context
        self.log = log
        self.position = ReadPosition.open(context.runtime_dir, log.position)
        self.detector = Detector(rules(context.config), log.realtime_offset_ns)
        self.outbox = context.outbox("capture")
        self.spool_dir: Path = context.config.state_dir / spool.FOLDER
        self.declared = 0
        self.at = self._trusted(self.position.get())
        self._remember()

    def _trusted(self, position: int) -> int:
        """Where to go on: never before what is still there, never beyond what was written."""
        return min(max(position, self.log.oldest), self.log.position)

    def _remember(self) -> None:
        """Rebuild the windows from the history that the predecessor read."""
        for start in range(self.log.oldest, self.at, REMEMBERED_AT_ONCE):
            end = min(start + REMEMBERED_AT_ONCE, self.at)
            self.detector.feed(self.log.copy(start, end))

    def read(self) -> None:
        """Evaluate what is new in the log."""
        end = self.log.position
        while self.at < end:
            events = self.log.view(self.at, end - self.at)
            for anomaly in self.detector.feed(events):
                self.declare(anomaly)
            self.at += len(events)
            self.position.set(self.at)

    def declare(self, anomaly: Anomaly) -> None:
        """Spool the anomaly, then tell capture."""
        self.context.log.warning(
            "%s anomaly '%s': %s", anomaly.anomaly, anomaly.name, anomaly.reason
        )
        try:
            spool.write(self.spool_dir, anomaly)
        except (OSError, spool.SpoolError) as error:
            # The message still carries it; only a death of capture right now would lose it.
            self.context.log.error("anomaly %d is not spooled: %s", anomaly.timestamp, error)
        self.outbox.send(anomaly)
        self.declared += 1


def _open_log(context: StageContext) -> EventLog | None:
    """The log, as soon as the collector has made it; None when told to stop before."""
    said = ""
    while not context.stopping:
        try:
            return EventLog.reader(context.runtime_dir)
        except EventLogError as error:
            if str(error) != said:
                context.log.info("waiting for the event log: %s", error)
            said = str(error)
        context.beat("waiting", said)
        context.wait(LOG_WAIT_SEC)
        for _ in context.messages():
            pass
    return None


def run(context: StageContext) -> int:
    """Detect until told to stop, and then to the end of the log."""
    log = _open_log(context)
    if log is None:
        return 0
    spool.prepare(context.config.state_dir / spool.FOLDER)
    reader = Reader(context, log)
    while not context.stopping:
        context.wait(IDLE_SEC)
        for _ in context.messages():  # doorbells; the truth is the log's position
            pass
        reader.read()
        context.beat(
            events=reader.at, anomalies=reader.declared, suppressed=reader.detector.suppressed
        )
    reader.read()
    context.beat("stopping")
    return 0
