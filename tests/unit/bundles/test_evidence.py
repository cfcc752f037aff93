"""The records of an anomaly: each once, those of the log not twice."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from aod.bundles.evidence import Evidence, inserted, removed
from aod.event import NO_EVENTS, Events, joined
from tests.unit.bundles import whole
from tests.unit.samples import records


def build(pairs: list[tuple[int, int]]) -> Events:
    made = records(*(end_ns for end_ns, _ in pairs))
    made["pid"] = [pid for _, pid in pairs]
    return made


RECORDS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), max_size=12).map(build)
SIZES = st.integers(1, 8)


def cut(events: Events, size: int) -> Iterator[Events]:
    return (events[at : at + size] for at in range(0, len(events), size))


@given(log=RECORDS, encoded=RECORDS.map(lambda events: events.tobytes()), size=SIZES)
def test_what_the_log_has_not_is_put_behind_what_ended_at_the_same_time(
    log: Events, encoded: bytes, size: int
) -> None:
    evidence = Evidence(encoded)
    passed = joined(NO_EVENTS, *evidence.look_for(cut(log, size)))
    assert passed.tobytes() == log.tobytes()
    history = whole.added(log)
    found = joined(NO_EVENTS, *inserted(cut(history, size), evidence.missing))
    assert found.tobytes() == whole.with_evidence(history, encoded).tobytes()
    left = joined(NO_EVENTS, *removed(cut(found, size), evidence.missing))
    assert left.tobytes() == history.tobytes()


def test_no_evidence_is_nothing() -> None:
    events = records(1, 2)
    evidence = Evidence(b"")
    assert len(evidence.missing) == 0
    (passed,) = evidence.look_for([events])
    assert passed is events
