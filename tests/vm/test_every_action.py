"""With every action configured, each file of a bundle has what its name promises."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aod.actions.table import ACTIONS
from aod.host.capabilities import to_mask
from aod.settings import ActionName
from aod.supervision import rights
from tests.rig.bundles import Bundle
from tests.vm.evidence import bundles
from tests.vm.packets import Packets, parse
from tests.vm.scenarios import every_action as scenario

SCENARIO = "every_action"
# The tracepoints' times are cut to microseconds.
_MICROSECOND_NS = 1000


@pytest.fixture(scope="module")
def made(artefacts: Path) -> list[Bundle]:
    return bundles(artefacts)


@pytest.fixture(scope="module")
def slow(made: list[Bundle]) -> Bundle:
    """Made when the network was slow."""
    return made[0]


@pytest.fixture(scope="module")
def hung(made: list[Bundle]) -> Bundle:
    """Made while the server did not answer."""
    return made[1]


@pytest.fixture(scope="module")
def packets(slow: Bundle) -> Packets:
    return parse(slow.files["tcpdump.pcap"])


def test_there_is_a_bundle_for_each_incident(made: list[Bundle]) -> None:
    declared = [
        (one.json("anomaly.json")["name"], one.json("anomaly.json")["rule"]) for one in made
    ]
    assert declared == [("latency", "count"), ("latency", "emergency")]


def test_every_action_went_well(slow: Bundle) -> None:
    sources = slow.json("manifest.json")["sources"]
    assert {one["name"] for one in sources} == {*ActionName}
    assert {one["name"]: one for one in sources if one["status"] != "ok"} == {}


def test_what_hung_is_said_and_the_rest_is_there(hung: Bundle) -> None:
    sources = hung.json("manifest.json")["sources"]
    assert {one["name"] for one in sources if one["status"] != "ok"} == {"smbinfo"}
    assert {one["name"] for one in sources} == {*ActionName}


def test_the_delayed_operations_are_among_the_events(slow: Bundle, facts: dict[str, Any]) -> None:
    events, trigger_ns = slow.events(), slow.json("anomaly.json")["trigger_ns"]
    witnessed = {mid for end_ns, mid in facts["witness"] if end_ns < trigger_ns - _MICROSECOND_NS}
    assert len(witnessed) >= 10
    assert witnessed <= {*events["mid"][events["end_ns"] >= facts["fault_ns"]].tolist()}


def test_the_packets_hold_the_delayed_messages(slow: Bundle, packets: Packets) -> None:
    events, anomaly = slow.events(), slow.json("anomaly.json")
    matched = events[(events["flags"] & 2) != 0]
    before = matched[matched["end_ns"] <= anomaly["trigger_ns"]]
    wanted = {*zip(before["command"].tolist(), before["mid"].tolist(), strict=True)}
    assert len(wanted) >= 11
    for is_response in (False, True):
        seen = {(m.command, m.mid) for m in packets.messages if m.is_response is is_response}
        assert wanted <= seen


def test_the_packets_begin_before_the_trigger_and_end_after_it(
    slow: Bundle, packets: Packets
) -> None:
    trigger = slow.json("anomaly.json")["timestamp"]
    assert packets.times_ns == sorted(packets.times_ns)
    assert trigger - 60 * 10**9 <= packets.times_ns[0] < trigger - 10**9
    assert trigger < packets.times_ns[-1] <= trigger + 2 * 10**9


def test_the_packets_hold_no_content_of_files(slow: Bundle) -> None:
    assert scenario.CONTENT not in slow.files["tcpdump.pcap"]


def test_debugdata_names_the_mount_and_its_session(slow: Bundle, facts: dict[str, Any]) -> None:
    text = slow.files["debugdata.log"].decode()
    (tree,) = facts["trees"]["//127.0.0.1/share"]
    assert r"\\127.0.0.1\share" in text
    assert f"SessionId: {tree['session_id']:#x}" in text
    assert tree["session_id"] in slow.events()["session_id"]


def test_the_journal_holds_the_line_that_announces_the_anomaly(slow: Bundle) -> None:
    anomaly = slow.json("anomaly.json")
    journal = slow.files["journalctl.log"].decode()
    announced = f"Latency anomaly 'latency' (aod_{anomaly['timestamp']}): {anomaly['reason']}"
    assert announced in journal


def test_the_trace_holds_the_commands(slow: Bundle, facts: dict[str, Any]) -> None:
    text = slow.files["trace.log"].decode()
    traced = {int(mid) for mid in re.findall(r"smb3_cmd_(?:done|err):.*\bmid=(\d+)", text)}
    trigger_ns = slow.json("anomaly.json")["trigger_ns"]
    witnessed = {mid for end_ns, mid in facts["witness"] if end_ns < trigger_ns - _MICROSECOND_NS}
    assert witnessed <= traced
    assert "smb3_cmd_enter:" in text


def test_the_logs_hold_what_was_said_lately_and_no_more(slow: Bundle) -> None:
    assert scenario.KERNEL_MARK in slow.files["dmesg.log"].decode()
    syslog = slow.files["syslogs.log"].decode()
    assert scenario.SYSLOG_NEW in syslog
    assert scenario.SYSLOG_OLD not in syslog


def test_the_mount_and_its_state(slow: Bundle, facts: dict[str, Any]) -> None:
    assert "//127.0.0.1/share /mnt/share cifs" in slow.files["mounts.log"].decode()
    assert r"\\127.0.0.1\share" in slow.files["stats.log"].decode()
    assert "/mnt/share" in slow.files["smbinfo.log"].decode()
    assert re.search(r"[Aa]llocation", slow.files["smbinfo.log"].decode())
    cifs = slow.files["cifs.log"].decode()
    assert scenario.OPEN_FILE in cifs
    assert facts["module_version"] in cifs
    assert facts["mount_helper"] in cifs
    assert "/sys/module/cifs/parameters/" in cifs


def test_the_connection(slow: Bundle) -> None:
    text = slow.files["sockets.log"].decode()
    assert re.search(r"^ESTAB.* 127\.0\.0\.1:445\b", text, re.MULTILINE)
    assert re.search(r"^TcpRetransSegs +\d+", text, re.MULTILINE)
    assert re.search(r"^\d+: lo: ", text, re.MULTILINE)


def test_the_system(slow: Bundle, facts: dict[str, Any]) -> None:
    text = slow.files["system.log"].decode()
    assert facts["release"] in text
    assert re.search(rf"^MemTotal: +{facts['memory_kib']} kB$", text, re.MULTILINE)
    assert "PRETTY_NAME=" in text
    assert "aod-collect" in text


def test_the_stack_of_who_hangs(hung: Bundle, facts: dict[str, Any]) -> None:
    text = hung.files["stacks.log"].decode()
    assert str(facts["asking"]) in text
    assert "compound_send_recv" in text


def test_the_histograms_before_and_at_the_trigger(slow: Bundle) -> None:
    events, stats = slow.events(), slow.json("stats.json")
    creates = stats["difference"]["commands"]["SMB2_CREATE"]
    finished = creates["counters"]["finished"]
    assert 0 < finished <= np.count_nonzero(events["command"] == 5)
    assert sum(count for _, _, count in creates["latency_ns"]) == finished
    assert abs(stats["at_trigger"]["off_by_sec"]) < scenario.OFF_BY_S


def test_the_summary_fits_a_screen_and_says_the_reason(slow: Bundle) -> None:
    lines = slow.files["SUMMARY.txt"].decode().splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert any("11 slow operations" in line for line in lines)


def test_all_of_it_with_these_rights_alone(facts: dict[str, Any], artefacts: Path) -> None:
    """The hooks on the client's functions, too, for which collect has more at its beginning."""
    needed = to_mask(one for action in ACTIONS for one in action.privileges)
    collect = to_mask(rights.COLLECT)
    assert facts["rights"] == {
        "collect": [0, collect, collect, collect],
        "detect": [facts["user"], 0, 0, 0],
        "capture": [0, needed, needed, needed],
        "cleanup": [0, 0, 0, 0],
    }
    assert "recognised by their age" not in (artefacts / "daemon.log").read_text()


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
