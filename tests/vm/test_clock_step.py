"""A clock that was set back hides nothing of what was before, and the bundle says so."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.rig.bundles import Bundle
from tests.vm import packets
from tests.vm.evidence import bundles
from tests.vm.scenarios.clock_step import AFTER, BEFORE, STEP_S

SCENARIO = "clock_step"


@pytest.fixture(scope="module")
def bundle(facts: dict[str, Any], artefacts: Path) -> Bundle:
    return next(one for one in bundles(artefacts) if facts["bundle"].startswith(one.folder))


def test_packets_of_before_and_after_the_step_are_there(
    facts: dict[str, Any], bundle: Bundle
) -> None:
    times_ns = packets.parse(bundle.files["tcpdump.pcap"]).times_ns
    before = [one for one in times_ns if one > facts["stepped_ns"] + STEP_S // 2 * 10**9]
    assert len(before) > 20
    assert len(times_ns) > len(before) + 20


def test_journal_of_before_and_after_the_step_is_there(bundle: Bundle) -> None:
    journal = bundle.files["journalctl.log"].decode()
    assert BEFORE in journal
    assert AFTER in journal


def test_bundle_says_that_the_clock_was_set(bundle: Bundle) -> None:
    said = r"the clock was set back by 3,6\d\d\.\d s about \d+ s before the trigger"
    assert re.search(said, bundle.manifest["note"])
    assert "the clock was set back by" in " ".join(bundle.files["SUMMARY.txt"].decode().split())


def test_the_step_disturbs_nothing_else(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
