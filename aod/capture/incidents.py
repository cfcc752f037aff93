"""Which anomalies belong to one incident: each names those before it, so the others follow."""

from typing import Final

from aod.anomaly import Anomaly, Relation

MAX_REMEMBERED: Final = 256
MAX_NAMED: Final = 32


class Incidents:
    """The relations of the last anomalies, in both directions."""

    def __init__(self) -> None:
        self._later: dict[int, dict[int, Relation]] = {}
        """Timestamp -> those declared after it, by timestamp."""

    def add(self, anomaly: Anomaly) -> None:
        """Learn of an anomaly; of one that is known, nothing new."""
        own = Relation(anomaly.timestamp, anomaly.anomaly, anomaly.name)
        for earlier in anomaly.related[:MAX_NAMED]:
            later = self._later.setdefault(earlier.timestamp, {})
            if len(later) < MAX_NAMED:
                later[own.timestamp] = own
        while len(self._later) > MAX_REMEMBERED:
            del self._later[min(self._later)]

    def of(self, anomaly: Anomaly) -> tuple[Relation, ...]:
        """The other anomalies of its incident, in order of time."""
        later = self._later.get(anomaly.timestamp, {})
        named = {one.timestamp: one for one in (*anomaly.related, *later.values())}
        return tuple(named[timestamp] for timestamp in sorted(named))
