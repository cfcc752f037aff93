"""However many mounts there are: who would answer is asked, and who does not costs only itself."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.rig.bundles import Bundle, open_bundle
from tests.vm.scenarios.many_mounts import OF_EACH

SCENARIO = "many_mounts"


@pytest.fixture(scope="module")
def slow(facts: dict[str, Any], artefacts: Path) -> Bundle:
    return open_bundle(artefacts / facts["slow"])


@pytest.fixture(scope="module")
def silent(facts: dict[str, Any], artefacts: Path) -> Bundle:
    return open_bundle(artefacts / facts["silent"])


def asked(bundle: Bundle) -> list[dict[str, Any]]:
    return [one for one in bundle.manifest["sources"] if one["name"] == "smbinfo"]


def test_each_of_sixty_slow_mounts_answers(slow: Bundle) -> None:
    assert Counter(one["status"] for one in asked(slow)) == {"ok": 2 * OF_EACH}


def test_a_mount_that_is_asked_takes_as_long_as_its_network(slow: Bundle) -> None:
    assert min(one["duration_sec"] for one in asked(slow)) > 0.1


def test_answers_stand_under_their_headings_in_the_order_of_the_mounts(slow: Bundle) -> None:
    sections = slow.files["smbinfo.log"].decode().split("==> ")[1:]
    mounted = [mount["mount_point"] for mount in slow.manifest["mounts"]]
    assert len(mounted) == 2 * OF_EACH
    for section, folder in zip(sections, mounted, strict=True):
        heading, answer = section.split(" <==\n", 1)
        assert heading.endswith(folder)
        assert f'"{folder}"' in answer  # as stat says it


def test_a_silent_server_costs_the_other_nothing(silent: Bundle, facts: dict[str, Any]) -> None:
    of_first = [one for one in asked(silent) if one["command"][-1] in facts["first"]]
    assert Counter(one["status"] for one in of_first) == {"ok": OF_EACH}


def test_who_timed_out_and_who_was_not_asked_are_told_apart(silent: Bundle) -> None:
    counted = Counter(one["status"] for one in asked(silent))
    timed_out, unasked = counted["timed_out"], counted["missing"]
    assert timed_out + unasked == OF_EACH
    assert min(timed_out, unasked) > 0
    notes = {one["note"] for one in asked(silent) if one["status"] == "missing"}
    assert [note.startswith("not asked (limit): ") for note in notes] == [True]
    told = f"smbinfo: {OF_EACH} answered, {timed_out} timed out, {unasked} not asked (limit)"
    assert told in " ".join(silent.files["SUMMARY.txt"].decode().split())
