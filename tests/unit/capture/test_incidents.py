"""Anomalies of one incident name each other, whichever came first."""

from aod.anomaly import Relation
from aod.capture.incidents import MAX_NAMED, MAX_REMEMBERED, Incidents
from tests.unit.samples import TIMESTAMP, anomaly

FIRST = anomaly(timestamp=TIMESTAMP, name="slow")
TO_FIRST = Relation(TIMESTAMP, "Latency", "slow")
SECOND = anomaly(timestamp=TIMESTAMP + 9, name="failed", anomaly="Error", related=(TO_FIRST,))
TO_SECOND = Relation(TIMESTAMP + 9, "Error", "failed")


def test_each_names_the_other() -> None:
    incidents = Incidents()
    incidents.add(FIRST)
    assert incidents.of(FIRST) == ()
    incidents.add(SECOND)
    incidents.add(SECOND)
    assert incidents.of(FIRST) == (TO_SECOND,)
    assert incidents.of(SECOND) == (TO_FIRST,)


def test_the_order_in_which_they_are_heard_of_makes_no_difference() -> None:
    incidents = Incidents()
    incidents.add(SECOND)
    incidents.add(FIRST)
    assert incidents.of(FIRST) == (TO_SECOND,)


def test_of_three_each_names_two() -> None:
    third = anomaly(timestamp=TIMESTAMP + 20, name="lost", related=(TO_FIRST, TO_SECOND))
    incidents = Incidents()
    for one in (FIRST, SECOND, third):
        incidents.add(one)
    to_third = Relation(TIMESTAMP + 20, "Latency", "lost")
    assert incidents.of(FIRST) == (TO_SECOND, to_third)
    assert incidents.of(SECOND) == (TO_FIRST, to_third)
    assert incidents.of(third) == (TO_FIRST, TO_SECOND)


def test_memory_has_an_end_and_the_oldest_are_forgotten() -> None:
    incidents = Incidents()
    for number in range(1, MAX_REMEMBERED + 2):
        earlier = Relation(number, "Latency", "slow")
        incidents.add(anomaly(timestamp=10**6 + number, related=(earlier,)))
    assert incidents.of(anomaly(timestamp=1)) == ()
    assert len(incidents.of(anomaly(timestamp=2))) == 1


def test_a_detector_gone_mad_cannot_fill_it() -> None:
    incidents = Incidents()
    for number in range(MAX_NAMED + 5):
        incidents.add(anomaly(timestamp=10**6 + number, related=(TO_FIRST,) * 1000))
    assert len(incidents.of(FIRST)) == MAX_NAMED
