"""The parts of the harness that need no guest."""

import errno
import itertools
import lzma
import struct
import subprocess
from pathlib import Path

import pytest

from aod.config.load import load
from aod.detectors.error import Error
from scripts.vm.console import Console, last_words
from scripts.vm.errors import SetupError
from scripts.vm.guest.cifs import (
    Count,
    Tree,
    difference,
    parse_debug_data,
    parse_pending,
    parse_stats,
)
from scripts.vm.guest.daemon import CONFIGURATION
from scripts.vm.guest.lab import replaced
from scripts.vm.guest.processes import LabError
from scripts.vm.guest.quiet import strict
from scripts.vm.guest.samba import configuration
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import STEPS, rounds, work
from scripts.vm.image import unpack_image
from scripts.vm.results import Results
from scripts.vm.tools import REPO, find_tool, require_tools

STATS = """\
Resources in use
CIFS Session: 1
Total vfs operations: 18 maximum at one time: 2
1) \\\\127.0.0.1\\share
SMBs: 36
Bytes read: 0  Bytes written: 0
TreeConnects: 1 total 0 failed
Creates: 8 total 2 failed
OplockBreaks: 3 sent 1 failed
2) \\\\127.0.0.1\\other
Creates: 4 total 0 failed
"""

DEBUG_DATA = """\
1) ConnectionId: 0x3 Hostname: 127.0.0.1 nosharesock
\tSessions:
\t1) Address: 127.0.0.1 Uses: 1 Capability: 0x300047\tSession Status: 1
\tSecurity type: RawNTLMSSP  SessionId: 0x8496ecb8
\tShares:
\t0) IPC: \\\\127.0.0.1\\IPC$ Mounts: 1 DevInfo: 0x0 Attributes: 0x0
\ttid: 0x5f2c884e\tMaximal Access: 0x1f00a9
\t1) \\\\127.0.0.1\\share Mounts: 1 DevInfo: 0x20 Attributes: 0x1006f
\ttid: 0xc0c6dc83\tOptimal sector size: 0x200\tMaximal Access: 0x1f01ff
2) ConnectionId: 0x1 Hostname: 127.0.0.1
\tSecurity type: RawNTLMSSP  SessionId: 0x5d9c351d
\t1) \\\\127.0.0.1\\share Mounts: 1 DevInfo: 0x20 Attributes: 0x1006f
\ttid: 0x386eaf13\tOptimal sector size: 0x200\tMaximal Access: 0x1f01ff
\tMIDs:
\tServer ConnectionId: 0x1
\t\tState: 2 com: 15 pid: 278 cbdata: 00000000ac451c5f mid 98
\t\tState: 2 com: 6 pid: 279 cbdata: 00000000ac451c5f mid 100
"""


def test_statistics_are_summed_over_shares() -> None:
    assert parse_stats(STATS) == {
        "SMB2_TREE_CONNECT": Count(1, 0),
        "SMB2_CREATE": Count(12, 2),
        "SMB2_OPLOCK_BREAK": Count(3, 1),
    }


def test_difference_leaves_out_what_did_not_move() -> None:
    before = {"SMB2_CREATE": Count(3, 1), "SMB2_CLOSE": Count(3, 0)}
    after = {"SMB2_CREATE": Count(5, 2), "SMB2_CLOSE": Count(3, 0), "SMB2_READ": Count(1, 0)}
    assert difference(before, after) == {"SMB2_CREATE": Count(2, 1), "SMB2_READ": Count(1, 0)}


def test_trees_are_found_by_share_and_session() -> None:
    assert parse_debug_data(DEBUG_DATA) == {
        "//127.0.0.1/IPC$": [Tree(0x8496ECB8, 0x5F2C884E)],
        "//127.0.0.1/share": [Tree(0x8496ECB8, 0xC0C6DC83), Tree(0x5D9C351D, 0x386EAF13)],
    }


def test_pending_requests_are_found_by_command() -> None:
    assert parse_pending(DEBUG_DATA) == [15, 6]


def test_server_options_are_added_and_replaced() -> None:
    usual = configuration()
    assert "[share]\n    path = /run/lab/share\n" in usual
    assert "[second]\n    path = /run/lab/second\n" in usual
    changed = configuration({"smb ports": "1445", "smb2 max credits": "4"})
    added = "    smb2 max credits = 4\n"
    assert changed.replace(added, "").replace("= 1445", "= 445") == usual


def test_strict_configuration_watches_every_failure_in_folders_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "strict.yaml"
    path.write_text(strict(CONFIGURATION.read_text()))
    usual, changed = load(CONFIGURATION).config, load(path).config
    names = usual.guardian.anomalies.keys()
    assert {name: changed.guardian.anomalies[name] for name in names} == usual.guardian.anomalies
    (added,) = (one for name, one in changed.guardian.anomalies.items() if name not in names)
    assert added == Error(acceptable_count=0)
    for folder in ("aod_output_dir", "runtime_dir", "state_dir", "pin_dir"):
        assert getattr(changed, folder) == Path(f"{getattr(usual, folder)}-strict")


def test_change_that_changes_nothing_is_an_error() -> None:
    assert replaced("a: 1", "a: 1", "a: 2") == "a: 2"
    with pytest.raises(LabError, match="has no 'b: 1'"):
        replaced("a: 1", "b: 1", "b: 2")


def test_workload_counts_each_step_and_leaves_nothing(tmp_path: Path) -> None:
    tally = work(tmp_path, rounds(3))
    assert tally == {"rounds": 3, **dict.fromkeys(STEPS, 3)}
    assert list(tmp_path.iterdir()) == []


def test_workload_goes_on_after_errors(tmp_path: Path) -> None:
    tally = work(tmp_path / "missing", rounds(2))
    assert tally == {"rounds": 2, errno.errorcode[errno.ENOENT]: 2}


def test_waiting_returns_what_became_true() -> None:
    answers = itertools.chain((None, None), itertools.repeat("yes"))
    assert wait_until(lambda: next(answers), "an answer", 5) == "yes"


def test_waiting_in_vain_names_what_for() -> None:
    with pytest.raises(TimeoutError, match="waited 0 s in vain for a miracle"):
        wait_until(lambda: None, "a miracle", 0)


def test_console_puts_lines_together_and_cleans_them(tmp_path: Path) -> None:
    seen: list[str] = []
    console = Console(tmp_path / "log", seen.append)
    console.feed(b"\x1b[2Jfirst\r\nsec")
    console.feed(b"ond \xff\r\nlast")
    console.close()
    assert seen == ["first", "second \ufffd", "last"]
    assert console.panic() is None
    assert (tmp_path / "log").read_bytes().startswith(b"\x1b[2Jfirst\r\nsecond \xff")


def test_last_words_are_bounded() -> None:
    assert last_words("a\nb") == "a\nb"
    assert last_words("\n".join(map(str, range(1000)))).splitlines()[-1] == "999"
    assert len(last_words("\n".join(map(str, range(1000)))).splitlines()) < 100


def test_missing_tools_are_named_with_their_packages() -> None:
    with pytest.raises(SetupError, match="not installed: no-such-tool"):
        require_tools("sh", "no-such-tool")
    with pytest.raises(SetupError, match="apt-get install no-such-tool"):
        find_tool("no-such-tool")


@pytest.mark.parametrize("packed", [b"", b"x" * 2048, b"\0" * 0x202 + b"HdrS" + b"\0" * 2048])
def test_unknown_kernel_images_are_left_alone(tmp_path: Path, packed: bytes) -> None:
    (tmp_path / "vmlinuz").write_bytes(packed)
    assert not unpack_image(tmp_path / "vmlinuz", tmp_path / "vmlinux")
    assert not (tmp_path / "vmlinux").exists()


def test_kernel_is_unpacked_from_a_bzimage(tmp_path: Path) -> None:
    elf = b"\x7fELF" + bytes(1000)
    payload = lzma.compress(elf) + struct.pack("<I", len(elf))
    image = bytearray(512 * 5 + 16) + payload
    image[0x1F1] = 4
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", image, 0x248, 16, len(payload))
    (tmp_path / "vmlinuz").write_bytes(image)
    assert unpack_image(tmp_path / "vmlinuz", tmp_path / "vmlinux")
    assert (tmp_path / "vmlinux").read_bytes() == elf


def test_results_of_success_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AOD_VM_KEEP", raising=False)
    results = Results()
    assert results.close() is None
    assert not results.folder.exists()


def test_results_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AOD_VM_KEEP", "1")
    results = Results()
    assert results.close() == results.folder
    results.folder.rmdir()


def test_results_of_the_last_failure_are_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AOD_VM_KEEP", raising=False)
    monkeypatch.setattr("scripts.vm.results.CACHE", tmp_path)
    monkeypatch.setattr("scripts.vm.results.LAST_FAILURE", tmp_path / "last-failure")
    for name in ("first", "second"):
        results = Results()
        (results.folder / name).touch()
        results.failed = True
        results.close()
    assert [path.name for path in tmp_path.iterdir()] == ["last-failure"]
    assert [path.name for path in (tmp_path / "last-failure").iterdir()] == ["second"]


def test_second_set_up_does_nothing_and_says_nothing() -> None:
    done = subprocess.run(
        [REPO / "scripts" / "setup", "vm"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
