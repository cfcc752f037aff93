"""All actions of a bundle together: order, independence, and what a full disk does."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from aod.actions import runner
from aod.actions.action import Action, Command, Phase
from aod.actions.job import Job
from aod.actions.output import Budget, Keep, OutputFile
from aod.actions.resolve import Situation
from aod.actions.result import Source, Status
from aod.actions.runner import Collected
from aod.actions.table import ACTIONS
from aod.settings import ActionName
from tests.unit.samples import CONFIG, with_job

NAMES = list(ActionName)


def shell(number: int, code: str, **changes: object) -> Action:
    action = Action(
        name=NAMES[number],
        file=f"{number}.log",
        about="",
        commands=(Command(("sh", "-c", code)),),
        timeout_sec=30,
        max_bytes=1 << 20,
    )
    return replace(action, **changes)


def collect(
    actions: list[Action],
    folder: Path,
    on_done: Callable[[Sequence[Source]], object] = lambda _: None,
    max_bytes: int = 1 << 30,
) -> Collected:
    """All of them, with nothing to wait for after the trigger."""

    async def run(job: Job) -> Collected:
        job.budget = Budget(max_bytes)
        late = asyncio.get_running_loop().create_future()
        late.set_result(None)
        return await runner.collect(actions, here(folder), job, late, on_done)

    return with_job(run)


def here(folder: Path) -> Situation:
    return Situation(folder, 1_700_000_000 * 10**9, CONFIG)


def test_actions_run_at_the_same_time(tmp_path: Path) -> None:
    """Each waits for the other: one after the other they would never end."""
    os.mkfifo(tmp_path / "fifo")
    actions = [
        shell(0, f"echo word > {tmp_path}/fifo"),
        shell(1, f"cat {tmp_path}/fifo"),
    ]
    assert [source.status for source in collect(actions, tmp_path).sources] == [Status.OK] * 2
    assert (tmp_path / "1.log").read_text() == "word\n"


def test_volatile_evidence_is_complete_before_the_rest_begins(tmp_path: Path) -> None:
    actions = [
        shell(0, f"cat {tmp_path}/1.log {tmp_path}/2.log"),
        shell(1, "echo first", phase=Phase.VOLATILE),
        shell(2, "echo second", phase=Phase.VOLATILE),
    ]
    collected = collect(actions, tmp_path)
    assert [source.file for source in collected.sources] == ["0.log", "1.log", "2.log"]
    assert (tmp_path / "0.log").read_text() == "first\nsecond\n"


def test_volatile_evidence_that_hangs_does_not_hold_up_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The volatile one ends only when the other has run."""
    monkeypatch.setattr(runner, "HEAD_START_SEC", 0.05)
    os.mkfifo(tmp_path / "fifo")
    actions = [
        shell(0, f"cat {tmp_path}/fifo", phase=Phase.VOLATILE),
        shell(1, f"echo free > {tmp_path}/fifo"),
    ]
    assert [source.status for source in collect(actions, tmp_path).sources] == [Status.OK] * 2


def test_the_server_is_asked_when_the_steady_ones_are_done(tmp_path: Path) -> None:
    actions = [
        shell(0, f"cat {tmp_path}/1.log", phase=Phase.SERVER),
        shell(1, "sleep 0.1; echo steady"),
    ]
    collect(actions, tmp_path)
    assert (tmp_path / "0.log").read_text() == "steady\n"


def test_what_looks_back_waits_for_what_follows_the_trigger(tmp_path: Path) -> None:
    """It begins only when it is told that this is over, and nobody else waits."""
    done: list[str] = []

    async def run(job: Job) -> None:
        late = asyncio.get_running_loop().create_future()

        def on_done(sources: Sequence[Source]) -> None:
            done.extend(source.file for source in sources)
            if len(done) == 3:
                late.set_result(None)

        actions = [
            shell(0, "true", phase=Phase.LATE),
            *(shell(n, "true", phase=phase) for n, phase in enumerate(list(Phase)[:3], start=1)),
        ]
        await runner.collect(actions, here(tmp_path), job, late, on_done)

    with_job(run)
    assert done == ["1.log", "2.log", "3.log", "0.log"]


def test_who_is_told_and_fails_ends_it(tmp_path: Path) -> None:
    """A note of what is done that cannot be written is a disk that cannot be written."""

    def full(_: Sequence[Source]) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        collect([shell(0, "true")], tmp_path, full)


def test_all_actions_share_the_room_of_a_bundle(tmp_path: Path) -> None:
    actions = [
        shell(0, "yes"),
        shell(1, "seq 100000", keep=Keep.END),
        shell(2, "echo", phase=Phase.SERVER),
    ]
    sources = collect(actions, tmp_path, max_bytes=1000).sources
    assert [source.status for source in sources] == [Status.TRUNCATED] * 3
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 1000
    for source in sources:
        assert source.note.endswith("the bundle is full: capture.max_bundle_mb")


def test_one_bad_source_costs_nothing_but_itself(tmp_path: Path) -> None:
    actions = [
        shell(0, "echo fine"),
        shell(1, "exit 1"),
        shell(2, "sleep infinity", timeout_sec=0.5),
        shell(3, "", commands=(Command(("no-such-program",)),)),
        shell(4, "yes", max_bytes=100),
        shell(5, "echo fine"),
    ]
    assert [source.status for source in collect(actions, tmp_path).sources] == [
        Status.OK,
        Status.FAILED,
        Status.TIMED_OUT,
        Status.MISSING,
        Status.TRUNCATED,
        Status.OK,
    ]
    assert len(list(tmp_path.iterdir())) == len(actions)


def test_a_full_disk_ends_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: OutputFile, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(OutputFile, "write", full)
    actions = [shell(0, "sleep infinity"), shell(1, "echo")]
    with pytest.raises(OSError, match="No space"):
        collect(actions, tmp_path)


def test_mounts_are_read_by_a_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mountinfo"
    table.write_text("35 22 0:31 / /mnt/a rw - cifs //srv/a rw,username=me\n")
    monkeypatch.setattr(runner, "MOUNTINFO", str(table))
    ask = Command(("sh", "-c", 'echo "asked $0"'), each_mount=True)
    collected = collect([shell(0, "", commands=(ask,))], tmp_path)
    assert [mount.source for mount in collected.mounts] == ["//srv/a"]
    assert (tmp_path / "0.log").read_text().endswith("asked /mnt/a\n")


def test_mounts_that_cannot_be_read_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "MOUNTINFO", "/dev/zero")
    assert collect([], tmp_path).mounts == ()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert collect([], tmp_path).mounts == ()


def test_every_real_row_makes_its_file(tmp_path: Path) -> None:
    """On any host: what is not there is missing, what is there is collected."""
    collected = collect(list(ACTIONS), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {action.file for action in ACTIONS}
    for source in collected.sources:
        assert source.status is not Status.TIMED_OUT, source
        assert (tmp_path / source.file).stat().st_size == source.bytes, source
        assert (tmp_path / source.file).stat().st_mode & 0o007 == 0
    assert "/proc" in (tmp_path / "mounts.log").read_text()
