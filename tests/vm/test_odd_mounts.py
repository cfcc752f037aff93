"""Mounts with sessions of several users, and one mount over another: told as what they are."""

import errno
from pathlib import Path
from typing import Any

import pytest

from aod.actions.mounts import LOGON
from aod.smb.commands import Command
from tests.rig.bundles import Bundle, open_bundle
from tests.vm.scenarios.odd_mounts import OTHERS, OWN, STACKED

SCENARIO = "odd_mounts"
OVER = f"//127.0.0.1/share on {STACKED}"


@pytest.fixture(scope="module")
def good(facts: dict[str, Any], artefacts: Path) -> Bundle:
    return open_bundle(artefacts / facts["good"])


@pytest.fixture(scope="module")
def expired(facts: dict[str, Any], artefacts: Path) -> Bundle:
    return open_bundle(artefacts / facts["expired"])


def asked(bundle: Bundle) -> set[tuple[str, str, str]]:
    """Each place with its outcome."""
    sources = (one for one in bundle.manifest["sources"] if one["name"] == "smbinfo")
    return {(one["command"][-1], one["status"], one["note"]) for one in sources}


def test_a_multiuser_mount_answers_a_root_who_has_no_logon_and_starts_none(
    good: Bundle, facts: dict[str, Any]
) -> None:
    assert facts["root"] == [None, errno.EACCES]
    assert {(str(OWN), "ok", ""), (str(OTHERS), "ok", "")} <= asked(good)
    assert Command.SMB2_QUERY_INFO in facts["good_commands"]
    assert Command.SMB2_SESSION_SETUP not in facts["good_commands"]


def test_when_the_mounts_logon_is_not_good_any_more_it_does_not_read_as_the_servers_fault(
    expired: Bundle, facts: dict[str, Any]
) -> None:
    assert Command.SMB2_SESSION_SETUP in facts["expired_commands"]
    assert {(str(OWN), "failed", LOGON), (str(OTHERS), "failed", LOGON)} <= asked(expired)
    text = expired.files["smbinfo.log"].decode()
    assert text.count("syscall failed: [Errno 112] Host is down\naod: failed after ") == 2, text
    assert text.count(LOGON) == 2


def test_of_two_mounts_on_one_folder_that_is_asked_which_is_there(good: Bundle) -> None:
    why = f"not asked (hidden by another mount): {OVER}"
    outcomes = {one for one in asked(good) if one[0] == str(STACKED)}
    assert outcomes == {(str(STACKED), "missing", why), (str(STACKED), "ok", "")}


def test_the_hidden_one_is_marked(good: Bundle) -> None:
    notes = {one["source"]: one["note"] for one in good.manifest["mounts"] if one["note"]}
    assert notes == {"//127.0.0.2/second": f"hidden by another mount: {OVER}"}


def test_the_summary_counts_them(good: Bundle) -> None:
    text = " ".join(good.files["SUMMARY.txt"].decode().split())
    assert "smbinfo: 3 answered, 1 not asked (hidden by another mount)" in text
