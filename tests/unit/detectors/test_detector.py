"""All rules together: what ties anomalies to one incident, and how it stands with each."""

import numpy as np

from aod.anomaly import Relation
from aod.config.rules import rules
from aod.detectors.api import Rule
from aod.detectors.detector import INCIDENT_NS, Detector
from aod.detectors.error import Error
from aod.detectors.latency import Latency
from aod.event import IN_FLIGHT, OWN, UNANSWERED, Events
from aod.kernel.thresholds import Mask
from aod.settings import Mode
from aod.smb.peers import Names
from tests.unit.detecting import SECOND, START_NS, failures, operations
from tests.unit.records import frame
from tests.unit.ruling import configured

NAMES = Names({(0, 0): r"\\files\home"})


def detector(cooldown_sec: float = 60) -> Detector:
    config = configured(
        slow=Latency(cooldown_sec=cooldown_sec),
        failed=Error(mode=Mode.TRACKONLY, track_codes=("EACCES",), cooldown_sec=cooldown_sec),
    )
    return Detector(rules(config), 0, lambda: NAMES)


def hanging(at_ns: int, age_ns: int, flags: int = IN_FLIGHT) -> Events:
    """One word about the operation that started `age_ns` before."""
    made = operations(1, at_ns=at_ns, latency_ns=age_ns)
    made["flags"] = flags
    return made


def test_two_anomalies_of_one_incident_know_of_each_other_in_time() -> None:
    made = detector()
    (slow,) = made.feed(operations(11)).anomalies
    assert slow.related == ()
    (failed,) = made.feed(failures(11, at_ns=START_NS + 30 * SECOND)).anomalies
    assert failed.related == (Relation(slow.timestamp, "Latency", "slow"),)


def test_anomalies_of_one_batch_are_told_in_the_order_of_time() -> None:
    batch = np.concatenate((failures(11, at_ns=START_NS), operations(11, at_ns=START_NS + SECOND)))
    first, second = detector().feed(batch).anomalies
    assert (first.name, second.name) == ("failed", "slow")
    assert [one.name for one in second.related] == ["failed"]


def test_what_lies_far_apart_is_not_one_incident() -> None:
    made = detector(cooldown_sec=0)
    made.feed(operations(11))
    last_ns = int(operations(11)["end_ns"][-1])
    at_ns = last_ns + INCIDENT_NS - int(failures(11)["end_ns"][-1] - START_NS)
    (late,) = made.feed(failures(11, at_ns=at_ns)).anomalies
    assert late.trigger_ns - last_ns == INCIDENT_NS
    assert late.related == ()


def test_an_incident_lasts_as_long_as_the_cool_down() -> None:
    made = detector(cooldown_sec=600)
    made.feed(operations(11))
    (late,) = made.feed(failures(11, at_ns=START_NS + 500 * SECOND)).anomalies
    assert [one.name for one in late.related] == ["slow"]


def test_an_anomaly_is_not_related_to_itself() -> None:
    made = detector(cooldown_sec=1)
    made.feed(operations(11))
    (again,) = made.feed(operations(11, at_ns=START_NS + 2 * SECOND)).anomalies
    assert again.related == ()


def test_episodes_count_what_was_declared_and_what_was_not() -> None:
    made = detector(cooldown_sec=1)
    made.feed(operations(25))
    slow, failed = made.episodes()
    assert (slow.declared, slow.suppressed, slow.suppressed_before) == (1, 4, 0)
    assert (failed.declared, failed.last_timestamp) == (0, 0)
    (again,) = made.feed(operations(11, at_ns=START_NS + 2 * SECOND)).anomalies
    slow, _ = made.episodes()
    assert (slow.declared, slow.suppressed, slow.suppressed_before) == (2, 0, 4)
    assert (slow.last_timestamp, again.suppressed) == (again.timestamp, 4)


def test_how_an_operation_ended_that_hung_is_told_once_with_its_share() -> None:
    made = detector()
    (told,) = made.feed(hanging(START_NS, SECOND)).anomalies
    assert told.reason.startswith("SMB2_WRITE of [0] in flight for 1,000.0 ms")
    assert made.episodes()[0].hanging == 1
    found = made.feed(hanging(START_NS + SECOND, 2 * SECOND, flags=0))
    assert found.anomalies == []
    ((ended, bundle),) = found.ended
    assert bundle == told.timestamp
    assert (ended.state, ended.latency_ns, ended.share) == (
        "finished",
        2 * SECOND,
        r"\\files\home",
    )
    assert made.episodes()[0].hanging == 0


def test_the_end_of_an_operation_that_hung_names_the_bundle_of_its_own_episode() -> None:
    made = Detector(rules(configured(slow=Latency(cooldown_sec=5))), 0, Names)
    hung = [hanging(START_NS + at * SECOND, SECOND) for at in (0, 1, 5)]
    for mid, record in enumerate(hung):
        record["mid"] = mid
    declared = [one for record in hung for one in made.feed(record).anomalies]
    assert len(declared) == 2
    for record in hung:
        record["end_ns"] += np.uint64(9 * SECOND)
        record["latency_ns"] += np.uint64(9 * SECOND)
        record["flags"] = 0
    bundles = [one.bundle for record in hung for one in made.feed(record).ended]
    first, second = (one.timestamp for one in declared)
    assert bundles == [first, first, second]


def test_an_operation_that_hung_and_was_never_answered_is_over_too() -> None:
    made = detector()
    made.feed(hanging(START_NS, SECOND))
    ((ended, _),) = made.feed(hanging(START_NS + SECOND, 2 * SECOND, flags=UNANSWERED)).ended
    assert ended.state == "never answered"
    assert made.episodes()[0].hanging == 0


def test_operations_of_our_own_children_count_for_nothing() -> None:
    made = detector()
    slow, failed = operations(50), failures(50, at_ns=START_NS + SECOND)
    hung = hanging(START_NS + 2 * SECOND, 10 * SECOND)
    for ours in (slow, failed, hung):
        ours["flags"] |= OWN
        assert made.feed(ours) == ([], [], [])
    assert all(one.suppressed == one.hanging == 0 for one in made.episodes())
    assert len(made.feed(operations(11, at_ns=START_NS + 3 * SECOND)).anomalies) == 1


def test_two_rules_tell_of_one_end_together() -> None:
    config = configured(a=Latency(), b=Latency())
    made = Detector(rules(config), 0, Names)
    assert len(made.feed(hanging(START_NS, SECOND)).anomalies) == 2
    assert len(made.feed(hanging(START_NS + SECOND, 2 * SECOND, flags=0)).ended) == 1


class Broken(Rule):
    """Fails when it sees a failure."""

    def matches(self, events: Events) -> Mask:
        if (events["error"] != 0).any():
            raise ZeroDivisionError("by nothing")
        found: Mask = events["latency_ns"] > 0
        return found


def test_a_rule_that_fails_costs_only_itself_and_is_told_once() -> None:
    broken = Broken(frame("Broken", "broken", acceptable_count=10**6))
    made = Detector([broken, *rules(configured(slow=Latency()))], 0, Names)
    assert made.feed(operations(5)).faults == []
    found = made.feed(failures(5, at_ns=START_NS + SECOND // 2))
    assert found.faults == ["'broken': ZeroDivisionError: by nothing"]
    again = made.feed(np.concatenate((failures(1), operations(11, at_ns=START_NS + 9 * SECOND))))
    assert ([one.name for one in again.anomalies], again.faults) == (["slow"], [])
    assert [one.fault for one in made.episodes()] == ["ZeroDivisionError: by nothing", ""]


def test_what_is_declared_is_dated_by_the_clock_of_then() -> None:
    made = detector(cooldown_sec=0)
    (first,) = made.feed(operations(11)).anomalies
    made.realtime_offset_ns = -3600 * SECOND
    (second,) = made.feed(operations(11, at_ns=START_NS + 60 * SECOND)).anomalies
    assert first.timestamp == first.trigger_ns
    assert second.timestamp == second.trigger_ns - 3600 * SECOND
