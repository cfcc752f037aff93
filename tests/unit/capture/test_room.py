"""Room for one more bundle: cleanup is waited for, asked, and not waited for in vain twice."""

import asyncio
import logging
from pathlib import Path

import pytest

from aod.capture import room
from aod.capture.room import Room
from aod.config.schema import Cleanup, Config
from aod.state import names
from aod.transport.wire import Sealed
from tests.rig.configs import config

LOG = logging.getLogger("test")
LIMIT_BYTES = 1 << 20


def configured(folder: Path) -> Config:
    return config(folder, cleanup=Cleanup(max_total_log_size_mb=1))


def seal(made: Config, timestamp: int, size_bytes: int = LIMIT_BYTES // 2) -> Path:
    path = made.aod_output_dir / names.archive(timestamp)
    path.write_bytes(b"x" * size_bytes)
    return path


def test_where_there_is_room_nobody_waits_or_rings(tmp_path: Path) -> None:
    made = configured(tmp_path)
    rung: list[Sealed] = []

    async def enter() -> None:
        entered = Room(made, LOG, rung.append)
        for timestamp in (1, 2):
            async with entered.entered():
                seal(made, timestamp)

    asyncio.run(enter())
    assert rung == []


def test_cleanup_is_asked_once_and_waited_for(tmp_path: Path) -> None:
    made = configured(tmp_path)
    rung: list[Sealed] = []
    oldest, _, _ = [seal(made, timestamp) for timestamp in (1, 2, 3)]

    async def enter() -> list[bool]:
        entered = Room(made, LOG, rung.append)

        async def clean() -> None:
            while not rung:
                await asyncio.sleep(0)
            await asyncio.sleep(0.05)
            oldest.unlink()

        cleaning = asyncio.create_task(clean())
        async with entered.entered():
            done = [cleaning.done() or not oldest.exists()]
        await cleaning
        return done

    assert asyncio.run(enter()) == [True]
    assert [one.timestamp for one in rung] == [3]


def test_captures_are_let_in_one_at_a_time(tmp_path: Path) -> None:
    made = configured(tmp_path)
    inside: list[int] = []

    async def capture(entered: Room, timestamp: int) -> None:
        async with entered.entered():
            inside.append(timestamp)
            await asyncio.sleep(0)
            assert inside == [timestamp]
            inside.clear()

    async def all_together() -> None:
        entered = Room(made, LOG, lambda _: None)
        await asyncio.gather(*(capture(entered, number) for number in range(20)))

    asyncio.run(all_together())


def test_where_nobody_cleans_up_it_waits_once_says_so_once_and_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = configured(tmp_path)
    monkeypatch.setattr(room, "WAIT_SEC", 0.05)
    paths = [seal(made, timestamp) for timestamp in (1, 2, 3)]

    async def enter() -> None:
        entered = Room(made, LOG, lambda _: None)
        for _ in range(3):
            async with entered.entered():
                pass
        assert len(caplog.messages) == 1
        paths[0].unlink()
        async with entered.entered():
            pass
        seal(made, 4)
        async with entered.entered():
            pass

    asyncio.run(enter())
    assert len(caplog.messages) == 2


def test_a_folder_that_is_away_keeps_nobody_waiting(tmp_path: Path) -> None:
    made = configured(tmp_path)
    made.aod_output_dir.rmdir()

    async def enter() -> str:
        async with Room(made, LOG, lambda _: None).entered():
            return "entered"

    assert asyncio.run(enter()) == "entered"
