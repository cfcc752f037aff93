"""What `--check` prints: everything that is watched, left out, collected and skipped."""

import re
from pathlib import Path

import pytest

from aod.config.load import load
from aod.config.summary import WIDTH, render
from aod.smb import ntstatus
from aod.smb.commands import Command
from scripts.vm.tools import REPO
from tests.unit.config.cases import ERROR, LATENCY, loaded

DOCUMENT = REPO / "tests" / "unit" / "document_example.yaml"
SHIPPED = REPO / "conf" / "aod.yaml"


def section(text: str, head: str) -> str:
    """The part whose first line begins with `head`, blanks and line ends folded."""
    (part,) = (part for part in text.split("\n\n") if part.startswith(head))
    return " ".join(part.split())


def test_the_example_of_the_document() -> None:
    text = render(load(DOCUMENT))
    assert text.startswith(f"{DOCUMENT} can be used; 3 warnings:\n  {DOCUMENT}:23: ")
    latency = section(text, "latency:")
    assert "latency: Latency (smbslower) mode all" in latency
    assert "declared more than 10 slow operations in 1 s" in latency
    assert "SMB2_READ 20 ms 1,000 ms" in latency
    assert "SMB2_WRITE 50 ms 1,000 ms track_commands" in latency
    assert "SMB2_CHANGE_NOTIFY: answered when something changes" in latency
    assert "cool-down 60 s, further triggers are suppressed" in latency
    assert "collects events, dmesg, journalctl, debugdata, stats skips" in latency
    assert "skips mounts, smbinfo, syslogs: not in the allow-list" in latency
    error = section(text, "error:")
    assert "counted EACCES (13), EAGAIN (11), EIO (5)" in error
    assert "STATUS_MORE_PROCESSING_REQUIRED (in answers to SMB2_SESSION_SETUP)" in error
    assert "/var/log/aod/aod_<timestamp>.tar.zst" in section(text, "Bundles")
    assert "after 2 days, and oldest first above 0.5 MB" in section(text, "Bundles")
    assert "redacted no; secrets are masked always" in section(text, "Bundles")
    assert "16 may wait; none while less than 500 MB or 1% of the disk" in section(text, "Bundles")
    assert "16 MB, 262,144 operations" in section(text, "Recording")
    assert "always on" not in text


def test_every_command_is_either_watched_or_left_out() -> None:
    latency = section(render(load(SHIPPED)), "latency:")
    for command in Command:
        assert len(re.findall(rf"\b{command.name}\b", latency)) == 1


def test_the_text_fits_a_terminal() -> None:
    assert max(map(len, render(load(SHIPPED)).splitlines())) <= WIDTH


def test_without_warnings_it_says_so() -> None:
    assert render(load(SHIPPED)).startswith(f"{SHIPPED} can be used; no warnings\n")


def test_what_is_excluded_or_switched_off_is_shown(tmp_path: Path) -> None:
    text = LATENCY + "      mode: excludeonly\n      exclude_commands: [SMB2_FLUSH]\n"
    text += "      emergency_threshold_ms: null\n      cooldown_sec: 0\n"
    shown = section(render(loaded(tmp_path, text)), "slow:")
    assert "left out SMB2_FLUSH left out what waits by design" in shown
    assert "SMB2_READ 20 ms off" in shown
    assert "cool-down none" in shown
    assert "at once" not in shown


def test_trackonly_shows_only_what_is_tracked(tmp_path: Path) -> None:
    text = LATENCY + "      mode: trackonly\n      track_commands: [{command: SMB2_READ}]\n"
    shown = section(render(loaded(tmp_path, text)), "slow:")
    assert re.findall(r"SMB2_\w+", shown) == ["SMB2_READ"]
    assert "left out every command that is not in track_commands" in shown


@pytest.mark.parametrize("mode", ["all", "excludeonly"])
def test_benign_statuses_are_listed_unless_they_are_tracked(tmp_path: Path, mode: str) -> None:
    text = ERROR + f"      mode: {mode}\n      track_codes: [STATUS_CANCELLED]\n"
    text += "      exclude_codes: [EBUSY]\n" if mode == "excludeonly" else ""
    shown = section(render(loaded(tmp_path, text)), "failed:")
    assert "always STATUS_CANCELLED (0xC0000120)" in shown
    assert ("left out EBUSY (16)" in shown) is (mode == "excludeonly")
    for status in ntstatus.BENIGN:
        assert len(re.findall(rf"\b{ntstatus.NAMES[status]}\b", shown)) == 1


def test_a_benign_status_may_be_tracked_by_its_second_name(tmp_path: Path) -> None:
    text = ERROR + "      track_codes: [STATUS_REPARSE_NOT_HANDLED]\n"
    shown = section(render(loaded(tmp_path, text)), "failed:")
    assert "always STATUS_REPARSE_NOT_HANDLED (0xC0000279)" in shown
    assert "STATUS_IO_REPARSE_TAG_NOT_HANDLED" not in shown


def test_an_action_that_is_not_allowed_is_skipped(tmp_path: Path) -> None:
    text = "watcher: {actions: [stats]}\n" + LATENCY + "      actions: [stacks, stats]\n"
    shown = section(render(loaded(tmp_path, text)), "slow:")
    assert "collects events, stats skips stacks: not in the allow-list watcher.actions" in shown


def test_what_is_always_on_is_shown(tmp_path: Path) -> None:
    text = "runtime_dir: /run/here\n" + LATENCY + "      actions: [tcpdump, trace]\n"
    shown = section(render(loaded(tmp_path, text)), "Recording")
    assert "packets always on: 16 MB in /run/here/packets, 640 bytes of each of port 445;" in shown
    assert "bundles have headers only tracepoints always on: a buffer of 4 MB" in shown
    text = "capture: {tcpdump: {headers_only: false}}\n" + text
    assert "file contents too" in section(render(loaded(tmp_path, text)), "Recording")
