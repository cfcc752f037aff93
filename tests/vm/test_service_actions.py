"""What the unit forbids costs no evidence."""

from pathlib import Path
from typing import Any

import pytest

from aod.settings import ActionName
from tests.rig.bundles import Bundle, open_bundle
from tests.vm.packets import parse
from tests.vm.scenarios.service_actions import KERNEL_MARK

SCENARIO = "service_actions"


@pytest.fixture(scope="module")
def bundle(facts: dict[str, Any], artefacts: Path) -> Bundle:
    return open_bundle(artefacts / facts["bundle"])


def test_every_action_goes_well(bundle: Bundle) -> None:
    """As they do without systemd: test_every_action."""
    sources = bundle.json("manifest.json")["sources"]
    assert {one["name"] for one in sources} == {*ActionName}
    assert [one for one in sources if one["status"] != "ok"] == []


def test_the_kernels_messages_are_there(bundle: Bundle) -> None:
    assert KERNEL_MARK in bundle.files["dmesg.log"].decode()


def test_the_packets_are_there(bundle: Bundle) -> None:
    assert parse(bundle.files["tcpdump.pcap"]).messages


def test_the_sockets_are_there(bundle: Bundle) -> None:
    text = bundle.files["sockets.log"].decode()
    assert "127.0.0.1:445" in text
    assert "rtt:" in text


def test_the_mount_and_the_module_are_there(bundle: Bundle) -> None:
    assert "//127.0.0.1/share /mnt/share cifs" in bundle.files["mounts.log"].decode()
    assert "vermagic:" in bundle.files["cifs.log"].decode()


def test_stacks_and_processes_of_others_are_there(bundle: Bundle) -> None:
    assert "cifsd" in bundle.files["stacks.log"].decode()
    assert "(it ended, or its stack is not for us)" not in bundle.files["stacks.log"].decode()
    assert "smbd" in bundle.files["system.log"].decode()


def test_the_trace_is_there(bundle: Bundle) -> None:
    assert "smb3_cmd_enter:" in bundle.files["trace.log"].decode()


def test_the_journal_has_the_alert(bundle: Bundle) -> None:
    assert "Error anomaly 'error'" in bundle.files["journalctl.log"].decode()
