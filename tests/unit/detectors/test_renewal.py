"""Expired sessions: renewed at once they are no incident, else they count when their time is up."""

import numpy as np
import pytest

from aod.config.rules import rules
from aod.detectors.connection import Connection
from aod.detectors.detector import Detector
from aod.detectors.renewal import MAX_HELD, MAX_LED, MAX_LOGONS, RENEWAL_NS, State, step
from aod.event import NO_EVENTS, Events
from aod.smb.commands import Command, ConnectionEvent
from aod.smb.peers import Names
from tests.unit.detectors.expiring import (
    CIFSD,
    ELSEWHERE,
    LOGON_FAILURE,
    MS,
    NAMES,
    OTHER_CIFSD,
    SECOND,
    expiry,
    happened,
    logon,
    reconnect,
    renewal,
    stream,
    write,
)
from tests.unit.ruling import configured

AT = 1000 * SECOND
DUE = AT + RENEWAL_NS
MUCH_LATER = write(AT + 60 * SECOND)


def detector(names: Names = NAMES, **settings: object) -> Detector:
    made = configured(broken=Connection(**settings))  # type: ignore[arg-type]
    return Detector(rules(made), 0, lambda: names)


def triggers(events: Events, names: Names = NAMES) -> list[int]:
    """When something is declared, each for itself."""
    found = detector(names, cooldown_sec=0).feed(stream(events, MUCH_LATER))
    return [one.trigger_ns for one in found.anomalies]


def test_a_session_that_is_renewed_at_once_is_no_incident() -> None:
    assert triggers(renewal(AT)) == []


def test_nor_are_many_one_after_the_other() -> None:
    assert triggers(stream(*(renewal(AT + hour * SECOND, 10 + hour) for hour in range(20)))) == []


def test_one_that_is_not_renewed_is_declared_when_its_time_is_up() -> None:
    (found,) = detector().feed(stream(expiry(AT), reconnect(AT + 1), MUCH_LATER)).anomalies
    assert found.trigger_ns == DUE
    assert found.reason == r"session for \\files.example.com\home expired, no new logon in 5 s"
    assert found.count == 1


def test_its_reconnect_counts_then_too() -> None:
    assert triggers(stream(expiry(AT), reconnect(AT + 1))) == [DUE, DUE + 1]
    made = detector(events=("reconnect",))
    (found,) = made.feed(stream(expiry(AT), reconnect(AT + 1), MUCH_LATER)).anomalies
    assert found.trigger_ns == DUE + 1


def test_a_refused_logon_does_not_settle_it() -> None:
    refused = [logon(AT + n * SECOND, 0, LOGON_FAILURE) for n in range(1, 5)]
    assert triggers(stream(expiry(AT), *refused)) == [DUE]


@pytest.mark.parametrize(
    ("logon_ns", "expected"), [(AT, [DUE]), (AT + 1, []), (DUE, []), (DUE + 1, [DUE])]
)
def test_the_logon_must_come_in_time(logon_ns: int, expected: list[int]) -> None:
    assert triggers(stream(expiry(AT), logon(logon_ns))) == expected


def test_a_logon_at_another_server_settles_nothing() -> None:
    assert triggers(stream(expiry(AT), logon(AT + MS, ELSEWHERE))) == [DUE]


def test_it_does_where_the_names_do_not_tell() -> None:
    assert triggers(stream(expiry(AT), logon(AT + MS, 77))) == []
    assert triggers(stream(expiry(AT, 77), logon(AT + MS))) == []
    assert triggers(stream(expiry(AT), logon(AT + MS, ELSEWHERE)), Names()) == []


def test_of_two_servers_each_needs_its_own_logon() -> None:
    both = stream(expiry(AT), expiry(AT + MS, ELSEWHERE, OTHER_CIFSD))
    assert triggers(stream(both, logon(AT + 2 * MS))) == [DUE + MS]
    assert triggers(stream(both, logon(AT + 2 * MS, ELSEWHERE))) == [DUE]
    assert triggers(stream(both, logon(AT + 2 * MS), logon(AT + 3 * MS, ELSEWHERE))) == []


def test_a_reconnect_of_its_own_is_declared_as_ever() -> None:
    assert triggers(reconnect(AT)) == [AT]
    assert triggers(stream(renewal(AT), reconnect(AT + SECOND, OTHER_CIFSD))) == [AT + SECOND]


def test_a_second_reconnect_of_the_connection_is_none_of_the_renewal() -> None:
    assert triggers(stream(renewal(AT), reconnect(AT + SECOND))) == [AT + SECOND]


@pytest.mark.parametrize("event", [ConnectionEvent.SEND_CUT, ConnectionEvent.CREDITS_SHORT])
def test_what_happens_on_the_new_connection_meanwhile_is_part_of_it(event: ConnectionEvent) -> None:
    assert triggers(stream(renewal(AT), happened(event, AT + MS, CIFSD, pid=77))) == []
    unsettled = stream(expiry(AT), reconnect(AT + 1), happened(event, AT + MS, CIFSD, pid=77))
    assert triggers(unsettled) == [DUE, DUE + 1, DUE + 2]


@pytest.mark.parametrize("event", [ConnectionEvent.SEND_CUT, ConnectionEvent.CREDITS_SHORT])
def test_on_another_connection_it_is_not(event: ConnectionEvent) -> None:
    assert triggers(stream(renewal(AT), happened(event, AT + MS, OTHER_CIFSD))) == [AT + MS]
    later = happened(event, AT + RENEWAL_NS + 1, CIFSD)
    assert triggers(stream(renewal(AT), later)) == [AT + RENEWAL_NS + 1]


def test_waiting_in_vain_for_credits_is_no_part_of_it() -> None:
    in_vain = happened(ConnectionEvent.CREDIT_TIMEOUT, AT + MS, CIFSD)
    assert triggers(stream(renewal(AT), in_vain)) == [AT + MS]


def test_a_request_that_still_has_the_old_session_expires_it_again() -> None:
    """As seen: it had begun before the renewal, and was sent after it, on the new connection."""
    again = stream(expiry(AT + 210 * MS), reconnect(AT + 210 * MS + 1), logon(AT + 400 * MS, 9))
    assert triggers(stream(renewal(AT), again)) == []


def test_with_no_more_records_the_clock_decides() -> None:
    made = detector()
    assert made.feed(stream(expiry(AT), reconnect(AT + 1))).anomalies == []
    assert made.settle(DUE - 1).anomalies == []
    (found,) = made.settle(DUE).anomalies
    assert found.trigger_ns == DUE
    assert made.settle(DUE + SECOND).anomalies == []
    assert made.feed(MUCH_LATER).anomalies == []


def test_a_new_configuration_does_not_forget_what_is_held() -> None:
    before = detector()
    before.feed(stream(expiry(AT), reconnect(AT + 1)))
    after = detector()
    after.remember(stream(expiry(AT), reconnect(AT + 1)))
    after.follow(before)
    assert [one.trigger_ns for one in after.settle(DUE).anomalies] == [DUE]


def test_a_new_configuration_does_not_declare_what_the_old_one_has() -> None:
    before, after = detector(), detector()
    before.feed(expiry(AT))
    assert before.settle(DUE).anomalies
    after.remember(expiry(AT))
    after.follow(before)
    assert after.feed(MUCH_LATER).anomalies == []


def test_no_names_are_read_before_an_expiry_is_due() -> None:
    def never() -> Names:
        raise AssertionError("asked for names")

    state, left = step(State(), renewal(AT), never)
    assert left["command"].tolist() == [Command.SMB2_SESSION_SETUP] * 2
    assert len(state.held) == 1


def test_what_is_remembered_has_a_bound_and_nothing_is_lost() -> None:
    many = np.repeat(expiry(AT), MAX_HELD + 7)
    state, left = step(State(), many, Names)
    assert (len(state.held), len(left)) == (MAX_HELD, 7)
    logons = np.repeat(logon(AT + 1), MAX_LOGONS + 7)
    state, left = step(state, logons, Names)
    assert (len(state.logons), len(left)) == (MAX_LOGONS, MAX_LOGONS + 7)
    state, left = step(state, MUCH_LATER, Names)
    assert (state.held, state.logons, len(left)) == ((), (), 1)


def test_what_one_expiry_leads_to_has_a_bound_too() -> None:
    state, _ = step(State(), stream(expiry(AT), reconnect(AT)), Names)
    many = np.repeat(happened(ConnectionEvent.CREDITS_SHORT, AT + 1, CIFSD), MAX_LED + 7)
    state, left = step(state, many, Names)
    assert (len(state.held[0].records), len(left)) == (MAX_LED, 9)


def test_nothing_comes_of_nothing() -> None:
    state, left = step(State(), NO_EVENTS, Names)
    assert (state.held, len(left)) == ((), 0)
