"""A supervisor that dies in the middle of a fault loses nothing: its successor declares it."""

from typing import Any

SCENARIO = "service_killed"


def test_it_died_before_anything_was_declared(facts: dict[str, Any]) -> None:
    assert facts["in_flight"]
    assert facts["declared_before"] == []


def test_systemd_starts_another_while_the_server_hangs(facts: dict[str, Any]) -> None:
    assert facts["supervisor"] == {"replaced": True, "NRestarts": "1"}


def test_what_hung_is_declared_once_and_has_its_bundle(facts: dict[str, Any]) -> None:
    declared = {one["AOD_TIMESTAMP"] for one in facts["entries"] if one["PRIORITY"] == "1"}
    assert len(declared) == 1
    assert facts["bundles"] == [f"aod_{timestamp}.tar.zst" for timestamp in declared]


def test_the_stop_takes_over_what_the_dead_one_left(facts: dict[str, Any]) -> None:
    assert facts["pins"] == []
