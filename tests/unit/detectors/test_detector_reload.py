"""A detector in the place of another: the history counts, episodes go on, nothing is told twice."""

from hypothesis import given
from hypothesis import strategies as st

from aod.anomaly import Anomaly
from aod.config.rules import rules
from aod.detectors.api import Settings
from aod.detectors.detector import Detector
from aod.detectors.error import Error
from aod.detectors.latency import Latency
from aod.event import IN_FLIGHT, Events
from aod.settings import Mode
from aod.smb.peers import Names
from tests.unit.detecting import SECOND, START_NS, failures, operations
from tests.unit.ruling import configured

SLOW = Latency(acceptable_count=10, cooldown_sec=60)
FAILED = Error(mode=Mode.TRACKONLY, track_codes=("EACCES",), acceptable_count=3, cooldown_sec=5)


def detector(**anomalies: Settings) -> Detector:
    return Detector(rules(configured(**anomalies)), 0, lambda: Names({}))


def replaced(old: Detector, history: list[Events], **anomalies: Settings) -> Detector:
    new = detector(**anomalies)
    for events in history:
        new.remember(events)
    new.follow(old)
    return new


def hanging(at_ns: int, age_ns: int, flags: int) -> Events:
    made = operations(1, at_ns=at_ns, latency_ns=age_ns)
    made["flags"] = flags
    return made


def test_what_was_before_counts_and_declares_nothing_by_itself() -> None:
    many = Latency(acceptable_count=1000)
    old, history = detector(slow=many), operations(11)
    assert old.feed(history).anomalies == []
    new = replaced(old, [history], slow=SLOW)
    assert new.episodes()[0].declared == 0
    (found,) = new.feed(operations(1, at_ns=START_NS + SECOND // 2)).anomalies
    assert found.count == 12


def test_an_episode_goes_on_with_all_that_it_knows() -> None:
    old, history = detector(slow=SLOW, failed=FAILED), [operations(11), operations(11)]
    history[1]["end_ns"] += 2 * SECOND
    for events in history:
        old.feed(events)
    new = replaced(old, history, failed=FAILED, slow=Latency(acceptable_count=10, cooldown_sec=1))
    assert {one.name: one for one in new.episodes()} == {one.name: one for one in old.episodes()}
    assert new.feed(operations(11, at_ns=START_NS + 4 * SECOND)).anomalies == []


def test_episodes_of_those_that_are_gone_are_over_and_told() -> None:
    old = detector(slow=SLOW, failed=FAILED)
    old.feed(operations(11))
    new = detector(slow=FAILED, other=SLOW)  # another type under the old name
    over = new.follow(old)
    assert [(one.name, one.declared) for one in over] == [("slow", 1), ("failed", 0)]
    assert [one.declared for one in new.episodes()] == [0, 0]


def test_operation_that_hangs_over_a_reload_is_told_once_and_its_end_too() -> None:
    urgent = Latency(emergency_threshold_ms=1000)
    hung = hanging(START_NS, SECOND, IN_FLIGHT)
    old = detector(slow=urgent)
    assert len(old.feed(hung).anomalies) == 1
    new = replaced(old, [hung], slow=urgent)
    found = new.feed(hanging(START_NS + SECOND, 2 * SECOND, 0))
    assert found.anomalies == []
    assert len(found.ended) == 1


BATCHES = st.lists(
    st.one_of(
        st.builds(operations, st.integers(1, 15)),
        st.builds(failures, st.integers(1, 6)),
        st.builds(
            hanging, st.just(START_NS), st.sampled_from([SECOND, 3 * SECOND]), st.just(IN_FLIGHT)
        ),
    ),
    min_size=1,
    max_size=12,
)
GAPS_NS = st.lists(st.sampled_from([SECOND // 4, SECOND, 4 * SECOND]), min_size=12, max_size=12)


@given(BATCHES, GAPS_NS, st.sets(st.integers(0, 11)))
def test_a_reload_that_changes_nothing_changes_nothing(
    batches: list[Events], gaps_ns: list[int], reloads: set[int]
) -> None:
    history: list[Events] = []
    at_ns = 0
    told: tuple[list[Anomaly], list[Anomaly]] = ([], [])
    one = detector(slow=SLOW, failed=FAILED)
    other = detector(slow=SLOW, failed=FAILED)
    for number, batch in enumerate(batches):
        at_ns += gaps_ns[number]
        batch["end_ns"] += at_ns
        if number in reloads:
            other = replaced(other, history, slow=SLOW, failed=FAILED)
        for made, found in zip((one, other), told, strict=True):
            found.extend(made.feed(batch).anomalies)
        history.append(batch)
    assert told[0] == told[1]
    assert one.episodes() == other.episodes()
