"""What was recorded all the time: packets and tracepoints from before the trigger, no content."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.rig.bundles import Bundle
from tests.vm.evidence import bundles
from tests.vm.scenarios.recorders import DELAY_MS, HISTORY_S, PATTERN, POST_S

SCENARIO = "recorders"
NS = 10**9
_LINE = re.compile(r" (\d+\.\d+): smb3_cmd_(enter|done|err): .*?\bmid=(\d+)")


class Packet(NamedTuple):
    time_ns: int
    data: bytes
    wire_bytes: int


@pytest.fixture(scope="module")
def all_bundles(artefacts: Path) -> dict[str, Bundle]:
    return {f"{bundle.folder}.tar.zst": bundle for bundle in bundles(artefacts)}


@pytest.fixture(scope="module", params=["first", "second"])
def bundle(
    request: pytest.FixtureRequest, facts: dict[str, Any], all_bundles: dict[str, Bundle]
) -> Bundle:
    """Of the first fault, and of the one after capture was killed."""
    return all_bundles[facts[request.param]]


def packets(bundle: Bundle) -> Iterator[Packet]:
    """Read by hand: what the cutter wrote is judged by other means than its own."""
    content = bundle.files["tcpdump.pcap"]
    assert content.startswith(b"\x4d\x3c\xb2\xa1"), "little-endian, ns"
    at = 24
    while at < len(content):
        seconds, fraction, kept, wire = struct.unpack_from("<IIII", content, at)
        at += 16
        yield Packet(seconds * NS + fraction, content[at : at + kept], wire)
        at += kept
    assert at == len(content)


def message_ids(bundle: Bundle) -> set[int]:
    """Of all SMB2 headers: a message may be several."""
    return {
        int.from_bytes(head[20:28], "little")
        for packet in packets(bundle)
        for head in packet.data.split(b"\xfeSMB")[1:]
        if len(head) >= 28
    }


def slow_mids(bundle: Bundle) -> set[int]:
    """Of the operations that the fault delayed, and that declared the anomaly.

    Not those long before: what passed while there was no capture is not recorded.
    """
    anomaly = bundle.json("anomaly.json")
    events = bundle.events()
    slow = events["latency_ns"] > 2 * DELAY_MS * 10**6
    before_ns = anomaly["trigger_ns"] - events["end_ns"].astype(np.int64)
    found = events[slow & (before_ns >= 0) & (before_ns < anomaly["window_ns"])]
    assert found.size > 5
    return set(np.unique(found["mid"]).tolist())


def source(bundle: Bundle, name: str) -> dict[str, Any]:
    (found,) = (one for one in bundle.json("manifest.json")["sources"] if one["name"] == name)
    return dict(found)


def test_the_packets_of_the_delayed_operations_are_there(bundle: Bundle) -> None:
    missing = slow_mids(bundle) - message_ids(bundle)
    assert not missing, source(bundle, "tcpdump")


def test_packets_begin_before_the_trigger_and_keep_to_the_window(bundle: Bundle) -> None:
    timestamp = bundle.json("anomaly.json")["timestamp"]
    times = [packet.time_ns for packet in packets(bundle)]
    assert times == sorted(times)
    assert timestamp - HISTORY_S * NS <= times[0] < timestamp - 10 * DELAY_MS * 10**6
    assert times[-1] <= timestamp + POST_S * NS


def test_no_content_of_a_file_is_in_a_bundle(
    facts: dict[str, Any], all_bundles: dict[str, Bundle]
) -> None:
    """It went over the wire in both directions, within the first bundle's window."""
    for bundle in all_bundles.values():
        assert PATTERN[:20] not in bundle.files["tcpdump.pcap"]
        assert b"known" not in bundle.files["tcpdump.pcap"]
    large = [one for one in packets(all_bundles[facts["first"]]) if one.wire_bytes > 10_000]
    assert any(b"\xfeSMB" in one.data for one in large), "what carried the content was recorded"


def test_the_trace_has_the_delayed_operations(bundle: Bundle) -> None:
    text = bundle.files["trace.log"].decode()
    found = {(kind, int(mid)) for _, kind, mid in _LINE.findall(text)}
    slow = slow_mids(bundle)
    assert slow
    for mid in slow:
        assert ("enter", mid) in found
        assert ("done", mid) in found or ("err", mid) in found


def test_the_trace_is_on_the_clock_of_the_events(bundle: Bundle) -> None:
    lines = _LINE.findall(bundle.files["trace.log"].decode())
    done_ns = {int(mid): float(time) * NS for time, kind, mid in lines if kind != "enter"}
    events = bundle.events()
    slow = events[np.isin(events["mid"], sorted(slow_mids(bundle)))]
    assert len(slow)
    for event in slow:
        start_ns = int(event["end_ns"]) - int(event["latency_ns"])
        assert start_ns - 10**6 < done_ns[int(event["mid"])] < int(event["end_ns"]) + 10**9


@pytest.mark.parametrize("name", ["tcpdump", "trace"])
def test_the_manifest_says_that_it_went_well(bundle: Bundle, name: str) -> None:
    found = source(bundle, name)
    assert (found["status"], found["exit_status"]) == ("ok", 0), found


def test_one_tcpdump_runs_as_its_own_user_also_after_capture_was_killed(
    facts: dict[str, Any],
) -> None:
    for moment in ("started", "respawned"):
        assert facts[moment]["owners"] == ["tcpdump"]
        assert facts[moment]["instance"]
        assert facts[moment]["ring"]
    assert facts["leftovers_after_kill"] == 0


def test_a_stop_leaves_nothing_of_the_recorders(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
    assert facts["stopped"] == {"owners": [], "instance": False, "ring": []}
