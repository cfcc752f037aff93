"""Whole files: those that must load, and those that cannot be read."""

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from aod.config.load import ConfigError, load
from aod.config.schema import Guardian, Watcher
from aod.detectors.connection import Connection
from aod.detectors.error import Error
from aod.detectors.latency import Latency, TrackedCommand
from aod.settings import ActionName, Mode
from scripts.vm.tools import REPO
from tests.unit.config.cases import MINIMAL, write

DOCUMENT = REPO / "tests" / "unit" / "document_example.yaml"
SHIPPED = REPO / "conf" / "aod.yaml"


def test_the_example_of_the_document_loads_as_it_is_written() -> None:
    config = load(DOCUMENT).config
    assert config.watch_interval_sec == 1
    assert config.guardian.anomalies == {
        "latency": Latency(
            mode=Mode.ALL,
            acceptable_count=10,
            default_threshold_ms=20,
            track_commands=(TrackedCommand(command="SMB2_WRITE", threshold=50),),
            actions=tuple(
                map(
                    ActionName,
                    ["dmesg", "journalctl", "debugdata", "stats", "mounts", "smbinfo", "syslogs"],
                )
            ),
        ),
        "error": Error(
            mode=Mode.TRACKONLY,
            acceptable_count=10,
            track_codes=("EACCES", "EAGAIN", "EIO"),
            actions=(ActionName.DMESG, ActionName.JOURNALCTL),
        ),
    }
    assert config.watcher.actions == ("tcpdump", "dmesg", "journalctl", "debugdata", "stats")
    assert (config.cleanup.max_log_age_days, config.cleanup.max_total_log_size_mb) == (2, 0.5)
    assert config.audit.enabled


def test_the_example_names_three_actions_that_its_allow_list_lacks() -> None:
    warnings = load(DOCUMENT).warnings
    assert [warning.split(": ")[0] for warning in warnings] == [
        f"{DOCUMENT}:{line}" for line in (23, 24, 25)
    ]
    for warning, action in zip(warnings, ("mounts", "smbinfo", "syslogs"), strict=True):
        assert f"is {action}, which is skipped: not in the allow-list" in warning


CHEAP = (ActionName.CIFS, ActionName.SOCKETS, ActionName.STACKS, ActionName.SYSTEM)
"""Actions that the document does not know; each takes less than a second."""


def test_the_shipped_file_is_the_example_with_every_action_allowed_and_connections() -> None:
    shipped, example = load(SHIPPED), load(DOCUMENT)
    assert shipped.warnings == ()
    assert set(shipped.config.watcher.actions) == set(ActionName)
    anomalies, documented = shipped.config.guardian.anomalies, example.config.guardian.anomalies
    assert anomalies["connection"] == Connection(actions=anomalies["connection"].actions)
    latency = anomalies["latency"]
    assert latency.actions == (*documented["latency"].actions, *CHEAP)
    assert set(anomalies["connection"].actions) == {*latency.actions} - {"smbinfo", "syslogs"}
    assert msgspec.structs.replace(latency, actions=()) == msgspec.structs.replace(
        documented["latency"], actions=()
    )
    expected = msgspec.structs.replace(
        example.config,
        watcher=Watcher(actions=shipped.config.watcher.actions),
        guardian=Guardian(
            anomalies=documented | {"latency": latency, "connection": anomalies["connection"]}
        ),
    )
    assert shipped.config == expected


def test_what_the_shipped_file_shows_as_defaults_are_the_defaults(tmp_path: Path) -> None:
    spelled_out = re.sub(r"^( *)#(?=[a-z_ ]+: |[a-z]+:$)", r"\1", SHIPPED.read_text(), flags=re.M)
    assert spelled_out.count("\n#") < SHIPPED.read_text().count("\n#") - 15
    assert load(write(tmp_path, spelled_out)).config == load(SHIPPED).config


def test_a_file_may_be_one_anomaly(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, MINIMAL))
    assert loaded.config.guardian.anomalies == {"slow": Latency()}
    assert loaded.path == tmp_path / "aod.yaml"


def test_anchors_and_merge_keys_save_typing(tmp_path: Path) -> None:
    text = """\
guardian:
  anomalies:
    reads: &base
      type: Latency
      mode: trackonly
      track_commands: [{command: SMB2_READ}]
      actions: &actions [dmesg, stats]
    writes:
      <<: *base
      track_commands: [{command: SMB2_WRITE}]
    failed: {type: Error, actions: *actions}
"""
    anomalies = load(write(tmp_path, text)).config.guardian.anomalies
    writes = anomalies["writes"]
    assert isinstance(writes, Latency)
    assert (writes.mode, writes.track_commands[0].command) == (Mode.TRACKONLY, "SMB2_WRITE")
    assert anomalies["failed"].actions == writes.actions == ("dmesg", "stats")


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n...\n", "null\n"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:1: the file is empty; allowed: ")


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value)


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    assert refusal(missing) == f"{missing}: cannot be read: No such file or directory"
    assert refusal(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"
    assert "Not a directory" in refusal(write(tmp_path, MINIMAL) / "below")
    assert "cannot be read" in refusal(tmp_path / ("x" * 300))
    assert "cannot be read" in refusal(Path("/tmp/a\0b"))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe")
    assert "not a regular file" in refusal(Path("/dev/zero"))


@pytest.fixture
def nobody() -> Iterator[None]:
    """Not root, whoever runs the tests: root may read everything."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    yield
    os.seteuid(me)


@pytest.mark.usefixtures("nobody")
def test_a_file_without_permission_is_refused() -> None:
    with tempfile.TemporaryDirectory() as folder:  # where nobody may make one, unlike tmp_path
        path = write(Path(folder), MINIMAL)
        path.chmod(0)
        assert "Permission denied" in refusal(path)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    assert "larger than 256 KiB" in refusal(write(tmp_path, "#" * 1_000_000))
