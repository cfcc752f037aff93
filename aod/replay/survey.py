"""The first pass over all records: how many of what kind, how slow, which failed how."""

from collections import Counter
from typing import Final

import numpy as np

from aod.detectors.api import Rule, finished
from aod.event import COMMANDS, CONNECTION, IN_FLIGHT, UNANSWERED, Events, without_own
from aod.replay.percentiles import Coarse
from aod.smb.commands import Command

MAX_STATUSES: Final = 4096
"""Different ones that are counted apart; the others are counted together."""
OTHER_STATUSES: Final = -1


def timed(events: Events) -> Events:
    """The finished operations of known commands, but for our own."""
    known = events["command"] < len(Command)
    return without_own(events.compress(finished(events["flags"]) & known))


class Survey:
    """What was counted so far.

    Attributes:
        latencies: of finished operations, by command.
        emergencies: (32,), how many of them are emergencies of the latency rule.
        statuses: NTSTATUS of failed operations -> how many.
        counted: NTSTATUS -> how many of them the error rule counts."""

    def __init__(self, latency_rule: Rule, error_rule: Rule):
        self.records = self.in_flight = self.never_answered = self.connection_events = 0
        self.latencies = Coarse()
        self.emergencies = np.zeros(COMMANDS, np.int64)
        self.statuses: Counter[int] = Counter()
        self.counted: Counter[int] = Counter()
        self._latency_rule, self._error_rule = latency_rule, error_rule

    def add(self, events: Events) -> None:
        """Count these, (n,)."""
        flags = events["flags"]
        self.records += len(events)
        self.in_flight += int(np.count_nonzero(flags & IN_FLIGHT))
        self.never_answered += int(np.count_nonzero(flags & UNANSWERED))
        self.connection_events += int(np.count_nonzero(flags & CONNECTION))
        done = timed(events)
        self.latencies.add(done["command"], done["latency_ns"])
        urgent = done["command"].compress(self._latency_rule.emergencies(done))
        np.add.at(self.emergencies, urgent, 1)
        failed = done.compress(done["error"] != 0)
        if len(failed):
            self._count(self.statuses, failed)
            self._count(self.counted, failed.compress(self._error_rule.matches(failed)))

    def _count(self, counter: Counter[int], failed: Events) -> None:
        for status, count in zip(*np.unique(failed["status"], return_counts=True), strict=True):
            known = status in counter or len(counter) < MAX_STATUSES
            counter[int(status) if known else OTHER_STATUSES] += int(count)
