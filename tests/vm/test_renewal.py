"""A session that expires is an incident only if no new logon follows; the client renews at once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aod.detectors.api import finished
from aod.detectors.renewal import RENEWAL_NS
from aod.event import CONNECTION, Events
from aod.smb.commands import Command, ConnectionEvent
from tests.vm.evidence import Declared, bundles, declared
from tests.vm.scenarios import renewal

SCENARIO = "renewal"

EXPIRED = Declared("Connection", "connection", "count", 1, 0, {"SESSION_EXPIRED": 1})
DAEMONS = ("renewed", "refused", "silent")


def of(events: Events, event: ConnectionEvent) -> Events:
    """The connection events of a kind."""
    found: Events = events[((events["flags"] & CONNECTION) != 0) & (events["command"] == event)]
    return found


def test_every_expiry_was_a_reconnect_and_a_new_session(facts: dict[str, Any]) -> None:
    """More than one each, perhaps: a request may be sent with the old session after all."""
    expired, reconnects = (facts["renewed"]["traced"][name] for name in renewal.EVENTS)
    assert expired == reconnects >= renewal.RENEWALS
    assert facts["renewed"]["tally"]["delete"] > 0


def test_sessions_that_are_renewed_at_once_are_no_incident(artefacts: Path) -> None:
    assert declared(artefacts, "renewed") == []


@pytest.mark.parametrize("daemon", ["refused", "silent"])
def test_one_that_is_not_renewed_is(artefacts: Path, daemon: str) -> None:
    first, *_ = declared(artefacts, daemon)
    assert first == EXPIRED


def test_nor_does_the_logon_at_another_server_settle_it(
    facts: dict[str, Any], artefacts: Path
) -> None:
    (bundle,) = bundles(artefacts, "refused")
    assert bundle.breakdown("trees") == {r"\\127.0.0.1\share": 1}
    assert facts["refused"]["renewed"]["delete"] > 0
    events = bundle.events()
    logons = events[(events["command"] == Command.SMB2_SESSION_SETUP) & finished(events["flags"])]
    expiry, other = of(events, ConnectionEvent.SESSION_EXPIRED)["end_ns"][:2].astype(np.int64)
    due_ns = int(expiry) + RENEWAL_NS
    good_ns = logons["end_ns"][logons["status"] == 0].astype(np.int64)
    assert np.any((good_ns > other) & (good_ns < due_ns))
    assert bundle.json("anomaly.json")["trigger_ns"] == due_ns


def test_it_says_what_has_happened(artefacts: Path) -> None:
    for daemon in ("refused", "silent"):
        reason = bundles(artefacts, daemon)[0].json("anomaly.json")["reason"]
        assert reason == r"session for \\127.0.0.1\share expired, no new logon in 5 s"


def test_the_reconnect_of_an_expiry_comes_from_its_own_thread(artefacts: Path) -> None:
    for daemon in ("refused", "silent"):
        events = bundles(artefacts, daemon)[0].events()
        expiry = of(events, ConnectionEvent.SESSION_EXPIRED)[0]
        later = of(events, ConnectionEvent.RECONNECT)
        reconnect = later[later["end_ns"] >= expiry["end_ns"]][0]
        assert reconnect["pid"] == expiry["pid"]


@pytest.mark.parametrize("daemon", DAEMONS)
def test_daemon_stopped_cleanly(facts: dict[str, Any], daemon: str) -> None:
    assert facts[daemon]["exit_status"] == 0
