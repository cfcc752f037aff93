"""The client's files are read by one at a time, whichever bundle or stage asks."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from aod.actions.action import Action, Command
from aod.actions.job import Children, Job
from aod.actions.resolve import Situation
from aod.actions.result import Source, Status
from aod.actions.source import collect_action
from aod.config.schema import Capture, Config
from aod.kernel import client_files, reader_lock, release
from aod.kernel.client_files import ProcCifs
from aod.kernel.reader_lock import refused, take
from aod.settings import ActionName
from tests.unit.samples import CONFIG

LONG_SEC = 30.0


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of /proc/fs/cifs; with a file that blocks."""
    folder = tmp_path / "cifs"
    folder.mkdir()
    (folder / "Stats").write_text("numbers\n")
    os.mkfifo(folder / "DebugData")
    monkeypatch.setattr(client_files, "FOLDER", folder)
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return replace(CONFIG, runtime_dir=tmp_path)


def cat(*paths: Path, name: ActionName = ActionName.STATS, timeout_sec: float = LONG_SEC) -> Action:
    """An action that reads these files."""
    return Action(
        name=name,
        file=f"{name}.log",
        about="",
        commands=tuple(Command(("cat", str(path))) for path in paths),
        timeout_sec=timeout_sec,
        max_bytes=1 << 20,
    )


async def sources(action: Action, folder: Path, config: Config) -> list[Source]:
    """What an action of a bundle of its own comes to."""
    folder.mkdir(exist_ok=True)
    job = Job(config, Children(lambda _: None))
    return await collect_action(action, Situation(folder, 1, config), job)


@contextmanager
def stuck(runtime_dir: Path) -> Iterator[int]:
    """A reader that does not end; as if it had begun long ago."""
    turn = take(runtime_dir)
    assert turn is not None
    child = subprocess.Popen(["sleep", "infinity"], pass_fds=turn.inherited)
    turn.started(child.pid)
    try:
        yield child.pid
    finally:
        child.kill()
        child.wait()


def test_two_bundles_read_one_after_the_other(client: Path, config: Config) -> None:
    """The second one has not begun while the first one reads; and it is not refused."""
    beginning = asyncio.Event()

    async def first(folder: Path) -> list[Source]:
        reading = asyncio.create_task(sources(cat(client / "DebugData"), folder, config))
        while (turn := take(config.runtime_dir)) is not None:
            turn.give_back()
            await asyncio.sleep(0.01)
        beginning.set()
        return await reading

    async def run() -> tuple[list[Source], list[Source]]:
        one = asyncio.create_task(first(client.parent / "1"))
        await beginning.wait()
        two = asyncio.create_task(sources(cat(client / "Stats"), client.parent / "2", config))
        await asyncio.sleep(0.2)
        assert not two.done()
        with (client / "DebugData").open("w") as writer:
            writer.write("state\n")
        return await one, await two

    before = refused()
    ([debugdata], [stats]) = asyncio.run(run())
    assert (debugdata.status, stats.status) == (Status.OK, Status.OK)
    assert (client.parent / "1/stats.log").read_text() == "state\n"
    assert (client.parent / "2/stats.log").read_text() == "numbers\n"
    assert refused() == before


def test_beside_a_reader_that_hangs_nothing_is_read(
    client: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nobody waits for it; each source says so, and each is counted."""
    monkeypatch.setattr(reader_lock, "HANGS_SEC", 0)
    action = cat(client / "Stats", client / "DebugData", client / "Stats")
    before = refused()
    with stuck(config.runtime_dir) as pid:
        found = asyncio.run(sources(action, client.parent / "1", config))
    for source in found:
        assert source.status is Status.ABANDONED
        assert source.note.startswith(
            f"not read: an earlier reader of /proc/fs/cifs (pid {pid}, since 20"
        )
        assert source.note.endswith(" UTC) still hangs in the kernel")
        assert source.duration_sec < LONG_SEC
    assert refused() == before + 3
    assert "aod: abandoned after" in (client.parent / "1/stats.log").read_text()


def test_who_waits_in_vain_is_told_in_its_time(client: Path, config: Config) -> None:
    with stuck(config.runtime_dir):
        [source] = asyncio.run(
            sources(cat(client / "Stats", timeout_sec=0.1), client.parent / "1", config)
        )
    assert source.status is Status.ABANDONED
    assert source.note.endswith(" UTC) has not ended")


def test_other_files_are_read_beside_it(client: Path, config: Config) -> None:
    (client.parent / "other").write_text("other\n")
    with stuck(config.runtime_dir):
        [source] = asyncio.run(sources(cat(client.parent / "other"), client.parent / "1", config))
    assert source.status is Status.OK


def test_in_a_hurry_nobody_waits_for_its_turn(client: Path, config: Config) -> None:
    async def run() -> list[Source]:
        job = Job(config, Children(lambda _: None))
        situation = Situation(client.parent, 1, config)
        task = asyncio.create_task(collect_action(cat(client / "Stats"), situation, job))
        await asyncio.sleep(0.05)
        job.end()
        return await task

    with stuck(config.runtime_dir):
        [source] = asyncio.run(run())
    assert (source.status, source.note) == (Status.TIMED_OUT, "not run: aod was shutting down")


def test_a_lock_that_cannot_be_made_is_reported(client: Path, config: Config) -> None:
    (config.runtime_dir / reader_lock.NAME).mkdir()
    [source] = asyncio.run(sources(cat(client / "Stats"), client.parent / "1", config))
    assert source.status is Status.FAILED
    assert source.note.startswith(f"not read: {config.runtime_dir / reader_lock.NAME} cannot be")


def test_what_may_crash_this_kernel_is_not_read(
    client: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = release.parse("6.1.84", "#1 SMP")
    monkeypatch.setattr(release, "running", lambda: bad)
    (client / "mount_params").write_text("options\n")
    action = cat(client / "Stats", client / "mount_params")
    left_out, read = asyncio.run(sources(action, client.parent / "1", config))
    assert (left_out.status, read.status) == (Status.MISSING, Status.OK)
    assert left_out.note == (
        f"{client / 'Stats'}: not read: it may crash this kernel (CVE-2024-35867);"
        " capture.proc_cifs: always reads it"
    )
    text = (client.parent / "1/stats.log").read_text()
    assert f"aod: not collected: {left_out.note}\n" in text
    assert text.endswith("options\n")


@pytest.mark.parametrize(
    ("policy", "status"), [(ProcCifs.ALWAYS, Status.OK), (ProcCifs.NEVER, Status.MISSING)]
)
def test_the_configuration_decides(
    client: Path,
    config: Config,
    policy: ProcCifs,
    status: Status,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = release.parse("6.1.84", "#1 SMP")
    monkeypatch.setattr(release, "running", lambda: bad)
    wanted = replace(config, capture=Capture(proc_cifs=policy, action_timeout_sec=LONG_SEC))
    [source] = asyncio.run(sources(cat(client / "Stats"), client.parent / "1", wanted))
    assert source.status is status
