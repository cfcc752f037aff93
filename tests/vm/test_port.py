"""Packets and sockets of a share on another port: there where it is named, and said where not."""

from pathlib import Path
from typing import Any

import pytest

from tests.rig.bundles import Bundle
from tests.vm.evidence import bundles
from tests.vm.packets import parse
from tests.vm.scenarios.port import PORT

SCENARIO = "port"


@pytest.fixture(scope="module")
def usual(facts: dict[str, Any], artefacts: Path) -> Bundle:
    return one_of("usual", facts, artefacts)


@pytest.fixture(scope="module")
def named(facts: dict[str, Any], artefacts: Path) -> Bundle:
    return one_of("named", facts, artefacts)


def one_of(name: str, facts: dict[str, Any], artefacts: Path) -> Bundle:
    wanted = facts["bundles"][name]
    (found,) = (one for one in bundles(artefacts, name) if f"{one.folder}.tar.zst" == wanted)
    return found


def note(bundle: Bundle) -> str:
    sources = bundle.json("manifest.json")["sources"]
    (found,) = (one for one in sources if one["name"] == "tcpdump")
    return str(found["note"])


def test_the_kernel_does_not_show_the_port_of_a_mount(facts: dict[str, Any]) -> None:
    """Else nobody would have to name it."""
    assert str(PORT) not in facts["mount"]


def test_what_is_not_recorded_is_said(usual: Bundle) -> None:
    assert parse(usual.files["tcpdump.pcap"]).messages == []
    assert note(usual) == (
        f"the ring has seen no packets; no connection to 127.0.0.1 port {PORT} is recorded: if a"
        " share is there, add the port to capture.tcpdump.ports"
    )
    summary = " ".join(usual.files["SUMMARY.txt"].decode().split())
    assert f"no connection to 127.0.0.1 port {PORT} is recorded" in summary


def test_a_port_that_is_named_has_packets_with_headers_and_sockets(named: Bundle) -> None:
    messages = parse(named.files["tcpdump.pcap"]).messages
    recorded = {(one.command, one.mid) for one in messages}
    slow = named.events()[named.events()["latency_ns"] > 50_000_000]
    assert {(int(one["command"]), int(one["mid"])) for one in slow} <= recorded
    assert "is recorded" not in note(named)
    assert f":{PORT}" in named.files["sockets.log"].decode()
