"""What the rules of a configuration would have declared over the records of a file."""

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from aod.anomaly import Anomaly, Cause
from aod.config.rules import rules
from aod.config.schema import Config
from aod.detectors.detector import Detector, Found
from aod.recording.sources import Source


class Total(Struct, frozen=True, kw_only=True):
    """One anomaly of the configuration, over all records."""

    name: str
    anomaly: str
    declared: int
    by_count: int
    at_once: int
    """By an emergency."""
    suppressed: int
    """Triggers."""
    hanging: int
    """Operations reported as hanging whose end is not in the file."""


class Summary(Struct, frozen=True, kw_only=True, tag="summary"):
    """The totals of a replay."""

    records: int
    anomalies: int
    suppressed: int
    totals: tuple[Total, ...]
    """In the order of the configuration."""


class Evaluation:
    """The rules, and the records they have seen.

    Attributes:
        start_ns: when the recording began, or the first record ended; 0 before there is one."""

    def __init__(self, source: Source, config: Config):
        self.start_ns = source.recording.head.start_ns if source.recording else 0
        self._source = source
        self._records = 0
        self._declared: Counter[tuple[str, Cause]] = Counter()
        self._detector = Detector(rules(config), source.realtime_offset_ns, lambda: source.names)

    def anomalies(self) -> Iterator[Anomaly]:
        """What is declared, in order of time.

        Raises RecordingError: where the file is damaged; what comes before has been evaluated."""
        for events in self._source.batches():
            self._records += len(events)
            self.start_ns = self.start_ns or int(events["end_ns"][0])
            yield from self._counted(self._detector.feed(events))
        if self._source.recording:
            yield from self._counted(self._detector.settle(self._source.recording.last.now_ns))

    def _counted(self, found: Found) -> Iterator[Anomaly]:
        for anomaly in found.anomalies:
            self._declared[anomaly.name, anomaly.rule] += 1
            yield anomaly

    def summary(self) -> Summary:
        """The totals so far."""
        totals = tuple(
            Total(
                name=one.name,
                anomaly=one.anomaly,
                declared=one.declared,
                by_count=self._declared[one.name, Cause.COUNT],
                at_once=self._declared[one.name, Cause.EMERGENCY],
                suppressed=one.suppressed + one.suppressed_before,
                hanging=one.hanging,
            )
            for one in self._detector.episodes()
        )
        return Summary(
            records=self._records,
            anomalies=sum(one.declared for one in totals),
            suppressed=sum(one.suppressed for one in totals),
            totals=totals,
        )
