"""What the unit hides from the service is asked by the host's root, or told to be hidden."""

from pathlib import Path
from typing import Any

import pytest

from aod.actions.mounts import HOST_ROOT
from tests.rig.bundles import Bundle, open_bundle
from tests.vm.scenarios.service_hidden import AFTER, BEFORE, HOME

SCENARIO = "service_hidden"
OWN_TMP = "it has its own /tmp"


def asked(bundle: Bundle) -> dict[str, tuple[str, str]]:
    """Of each path: its outcome, and what is said about it."""
    sources = (one for one in bundle.manifest["sources"] if one["name"] == "smbinfo")
    return {one["command"][-1]: (one["status"], one["note"]) for one in sources}


def notes(bundle: Bundle) -> dict[str, str]:
    return {one["mount_point"]: one["note"] for one in bundle.manifest["mounts"]}


@pytest.fixture(scope="module")
def without(facts: dict[str, Any], artefacts: Path) -> Bundle:
    return open_bundle(artefacts / facts["without"])


@pytest.fixture(scope="module")
def with_ptrace(facts: dict[str, Any], artefacts: Path) -> Bundle:
    return open_bundle(artefacts / facts["with"])


def test_what_is_not_visible_is_said_and_not_asked(without: Bundle) -> None:
    hidden = ("missing", f"not asked (not visible to the service): {OWN_TMP}")
    assert asked(without) == {str(BEFORE): hidden, str(AFTER): hidden, str(HOME): ("ok", "")}
    note = f"not visible to the service: {OWN_TMP}"
    assert notes(without) == {str(BEFORE): note, str(AFTER): note, str(HOME): ""}


def test_with_the_right_to_it_is_asked_through_the_hosts_root(with_ptrace: Bundle) -> None:
    assert asked(with_ptrace) == {
        f"{HOST_ROOT}{BEFORE}": ("ok", ""),
        f"{HOST_ROOT}{AFTER}": ("ok", ""),
        str(HOME): ("ok", ""),
    }
    assert notes(with_ptrace) == {str(BEFORE): "", str(AFTER): "", str(HOME): ""}


def test_its_server_answered(with_ptrace: Bundle) -> None:
    sections = with_ptrace.files["smbinfo.log"].decode().split("==> ")[1:]
    assert len(sections) == 3
    for section in sections:
        assert "Total Allocation Units: " in section
