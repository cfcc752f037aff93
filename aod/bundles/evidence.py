"""The records that came with an anomaly, beside those of the event log.

Mostly they are among those, but the log may have been overwritten, or lost with a reboot, before
the capture. What the log has is looked at piece by piece."""

from collections.abc import Iterable, Iterator

import numpy as np

from aod.event import EVENT_DTYPE, Events


class Evidence:
    """Of an anomaly: each record once, sorted by end_ns."""

    def __init__(self, encoded: bytes) -> None:
        """`encoded`: whole records."""
        records = np.frombuffer(encoded, EVENT_DTYPE)
        by_time = np.argsort(records["end_ns"], kind="stable")
        self._missing = dict.fromkeys(record.tobytes() for record in records.take(by_time))

    @property
    def missing(self) -> Events:
        """Those that the log had not."""
        return np.frombuffer(b"".join(self._missing), EVENT_DTYPE)

    def look_for(self, pieces: Iterable[Events]) -> Iterator[Events]:
        """The same pieces of the log, in any order; what is in them is missing no more."""
        for piece in pieces:
            for at in _places(piece, self.missing):
                self._missing.pop(piece[at].tobytes(), None)
            yield piece


def removed(pieces: Iterable[Events], evidence: Events) -> Iterator[Events]:
    """The pieces without the records that are in `evidence`, too."""
    for piece in pieces:
        stays = np.ones(len(piece), np.bool_)
        stays[_places(piece, evidence)] = False
        yield piece.compress(stays)


def inserted(pieces: Iterable[Events], evidence: Events) -> Iterator[Events]:
    """The pieces of one sorted sequence with these, each behind all that ended at the same time."""
    for piece in pieces:
        due = int(np.searchsorted(evidence["end_ns"], piece["end_ns"][-1]))
        behind = np.searchsorted(piece["end_ns"], evidence["end_ns"][:due], "right")
        yield np.insert(piece, behind, evidence[:due]) if due else piece
        evidence = evidence[due:]
    if len(evidence):
        yield evidence


def _places(piece: Events, evidence: Events) -> list[int]:
    """Where in a piece there are records of the evidence."""
    times, sought = piece["end_ns"], evidence["end_ns"]
    if not len(times) or not ((sought >= times.min()) & (sought <= times.max())).any():
        return []
    alike = sought.take(np.searchsorted(sought, times), mode="clip") == times
    wanted = {record.tobytes() for record in evidence}
    return [int(at) for at in np.flatnonzero(alike) if piece[at].tobytes() in wanted]
