"""What was recorded beside the daemon comes to what the daemon declared, and suggests more."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aod.anomaly import Anomaly
from aod.config.load import load_text
from aod.config.schema import Config
from aod.event import OWN, Events
from aod.recording.reader import Recording
from aod.recording.sources import opened
from aod.replay.evaluation import Evaluation
from aod.replay.suggest import suggest
from aod.replay.suggestion import snippet
from aod.replay.thresholds import DEFAULT_MS
from tests.rig.bundles import Bundle, open_bundle
from tests.vm.scenarios.replay import ROUNDS

SCENARIO = "replay"

SHARE = r"\\127.0.0.1\share"


@pytest.fixture(scope="module")
def bundle(facts: dict[str, Any], artefacts: Path) -> Bundle:
    return open_bundle(artefacts / facts["bundle"])


@pytest.fixture(scope="module")
def recorded(facts: dict[str, Any], artefacts: Path) -> Path:
    return artefacts / str(facts["recorded"])


@pytest.fixture(scope="module")
def records(recorded: Path) -> Events:
    with opened(recorded) as source:
        return np.concatenate(list(source.batches()))


@pytest.fixture(scope="module")
def recording(recorded: Path) -> Recording:
    with opened(recorded) as source:
        assert source.recording is not None
        return source.recording


def replayed(path: Path, config: Config) -> list[Anomaly]:
    with opened(path) as source:
        return list(Evaluation(source, config).anomalies())


@pytest.fixture(scope="module")
def config(recording: Recording) -> Config:
    """As it was recorded."""
    return load_text(recording.head.config.encode(), Path("recorded")).config


def operation(events: Events, end_ns: int) -> tuple[int, int, int]:
    """Session, mid and command of what ended then."""
    (found,) = events[events["end_ns"] == end_ns]
    return int(found["session_id"]), int(found["mid"]), int(found["command"])


def test_recorder_and_daemon_ended_cleanly(facts: dict[str, Any]) -> None:
    assert (facts["recorder"], facts["daemon"]) == (0, 0)
    assert facts["bundles_before"] == []
    assert facts["healthy"]["rounds"] == facts["healthy"]["delete"] == ROUNDS


def test_recording_is_complete_and_says_so(
    facts: dict[str, Any], recording: Recording, records: Events
) -> None:
    last = recording.last
    assert last.ended
    assert (last.dropped, recording.damage) == (0, "")
    assert len(records) == last.records == recording.records
    assert last.total("finished") == last.total("emitted") - last.total("unanswered_told")
    assert f"{last.records:,} records in" in facts["recorder_log"]


def test_every_operation_of_the_bundle_is_in_the_recording(
    bundle: Bundle, records: Events, facts: dict[str, Any]
) -> None:
    def finished(events: Events) -> set[tuple[int, int, int]]:
        keys = events[events["flags"] == 0], events[events["flags"] == 2]
        return {
            (int(one["session_id"]), int(one["mid"]), int(one["command"]))
            for part in keys
            for one in part
        }

    events = bundle.events()
    # What was in flight when the recorder began has no start for it.
    later = events[events["end_ns"] - events["latency_ns"] > facts["attached_ns"]]
    assert len(later) > 1000
    assert finished(later) <= finished(records)


def test_what_smbinfo_asked_is_marked_by_the_recorder_too(bundle: Bundle, records: Events) -> None:
    """It has programs and maps of its own."""
    for events in (bundle.events(), records):
        asked = events[(events["flags"] & OWN) != 0]
        assert {*asked["comm"].tolist()} == {b"python3"}


def test_replay_declares_what_the_daemon_declared(
    bundle: Bundle, recorded: Path, config: Config, records: Events
) -> None:
    live = bundle.json("anomaly.json")
    (anomaly,) = replayed(recorded, config)
    assert (anomaly.anomaly, anomaly.name, anomaly.rule, anomaly.count) == (
        live["anomaly"],
        live["name"],
        live["rule"],
        live["count"],
    )
    assert (anomaly.rule, anomaly.count) == ("count", 11)
    assert operation(records, anomaly.trigger_ns) == operation(bundle.events(), live["trigger_ns"])
    assert {part.what: part.count for part in anomaly.breakdown.commands} == {
        part["what"]: part["count"] for part in live["breakdown"]["commands"]
    }
    assert [part.what for part in anomaly.breakdown.trees] == [SHARE]
    assert [part["what"] for part in live["breakdown"]["trees"]] == [SHARE]


def test_bundle_itself_replays_to_the_very_same_anomaly(
    bundle: Bundle, facts: dict[str, Any], artefacts: Path, config: Config
) -> None:
    (anomaly,) = replayed(artefacts / facts["bundle"], config)
    live = bundle.json("anomaly.json")
    assert (anomaly.timestamp, anomaly.trigger_ns) == (live["timestamp"], live["trigger_ns"])
    assert (anomaly.count, anomaly.reason) == (live["count"], live["reason"])


def test_log_of_the_daemon_names_that_anomaly_and_no_other(facts: dict[str, Any]) -> None:
    assert facts["log"].count(" anomaly '") == 1
    assert "Latency anomaly 'latency'" in facts["log"]


def test_what_is_suggested_would_have_been_silent(
    recorded: Path, config: Config, recording: Recording
) -> None:
    with opened(recorded) as source:
        found = suggest(source, config, DEFAULT_MS)
    assert found.finished > 1000
    suggested = [one for one in found.commands if one.suggested_ms is not None]
    assert len(suggested) >= 5
    before, rest = recording.head.config.split("      track_commands:\n")
    after = rest[rest.index("      #exclude_commands") :]
    pasted = before + "\n".join(snippet(found)) + "\n" + after
    loaded = load_text(pasted.encode(), Path("pasted"))
    assert replayed(recorded, loaded.config) == []


def test_tables_are_printed_for_people(artefacts: Path) -> None:
    replay, suggestion = ((artefacts / f"{name}.txt").read_text() for name in ("replay", "suggest"))
    assert "Latency 'latency', by count" in replay
    assert SHARE in replay
    assert "      track_commands:\n        - command: SMB2_" in suggestion
    assert max(map(len, (*replay.splitlines(), *suggestion.splitlines()))) <= 100
