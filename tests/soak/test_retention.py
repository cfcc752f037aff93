"""2,000 bundles under a limit of 5 MB, four at a time, beside the real cleanup stage.

Sealed bundles only become more when one gets its name, so the sums right after that are all the
peaks that there are; a process that looks again and again has to agree.
"""

import asyncio
import logging
import multiprocessing
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from aod.actions.job import Children, Job
from aod.actions.result import Mount
from aod.audit.entries import Deleted
from aod.audit.log import read
from aod.bundles import bundle, history
from aod.bundles.history import Recorded
from aod.bundles.workfolder import work_folder
from aod.capture.room import Room
from aod.config.schema import Audit, Cleanup, Config
from aod.event import EVENT_DTYPE
from aod.stages import cleanup
from aod.state import names
from aod.transport.wire import Outbox
from tests.rig.bundles import open_bundle
from tests.rig.configs import config
from tests.rig.stage import peers, start, stop
from tests.unit.samples import anomaly, surroundings

BUNDLES, AT_ONCE = 2000, 4
LIMIT_BYTES = 5 << 20
CHILDREN = Children(lambda _: None)
LOG = logging.getLogger("test")
FORK = multiprocessing.get_context("fork")


def total_bytes(made: Config) -> int:
    """Of the sealed bundles that are there at one moment, or were in the course of the look."""
    found = 0
    with os.scandir(made.aod_output_dir) as there:
        for item in there:
            if item.name.startswith("aod_") and item.name.endswith(".tar.zst"):
                with suppress(FileNotFoundError):
                    found += item.stat().st_size
    return found


async def no_mounts() -> tuple[Mount, ...]:
    """Without a process for each bundle."""
    return ()


class Maker:
    """Makes bundles as capture does, and looks at the folder while each has just got its name."""

    def __init__(self, made: Config, to_cleanup: Outbox) -> None:
        self.sealed: dict[int, int] = {}
        self.peak_bytes = 0
        self._config = made
        self._to_cleanup = to_cleanup
        self._room = Room(made, LOG, to_cleanup.send)
        self._around = surroundings(room=self._entered)
        self._numbers = iter(range(BUNDLES))
        self._random = Random(5)

    @asynccontextmanager
    async def _entered(self) -> AsyncIterator[None]:
        async with self._room.entered():
            yield
            self.peak_bytes = max(self.peak_bytes, total_bytes(self._config))

    async def make_all(self) -> None:
        await asyncio.gather(*(self._work() for _ in range(AT_ONCE)))

    async def _work(self) -> None:
        for _ in self._numbers:
            count = self._random.randrange(50, 1000)
            evidence = self._random.randbytes(count * EVENT_DTYPE.itemsize)
            declared = anomaly(timestamp=time.time_ns(), evidence=evidence)
            made = await bundle.make(
                declared, self._config, Job(self._config, CHILDREN), self._around
            )
            assert made is not None
            self.sealed[declared.timestamp] = made.sealed.size_bytes
            self._to_cleanup.send(made.sealed)


@contextmanager
def watched(made: Config) -> Iterator["multiprocessing.sharedctypes.Synchronized[int]"]:
    """The highest sum that another process sees while it looks again and again."""
    peak, over = FORK.Value("q", 0), FORK.Event()

    def watch() -> None:
        while not over.is_set():
            peak.value = max(peak.value, total_bytes(made))
            time.sleep(0.002)  # the others need the processor, too

    process = FORK.Process(target=watch, daemon=True)
    process.start()
    try:
        yield peak
    finally:
        over.set()
        process.join()


def test_two_thousand_bundles_never_exceed_the_limit_and_one_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aod.capture.room.WAIT_SEC", 60)  # the machine may be busy
    monkeypatch.setattr("aod.actions.runner.cifs_mounts", no_mounts)
    monkeypatch.setattr(history, "recall", lambda *_: Recorded((), {}))
    settings = Cleanup(max_total_log_size_mb=LIMIT_BYTES >> 20, cleanup_interval_sec=3600)
    made = config(tmp_path, cleanup=settings, audit=Audit(max_mb=10))
    unfinished = made.aod_output_dir / names.unfinished(1)  # older than all, and in the making
    unfinished.write_bytes(b"x")
    with work_folder(made.aod_output_dir, 2) as being_filled:
        (being_filled / "dmesg.log").write_bytes(b"y")
        cleaning = start("cleanup", cleanup.run, made)
        with watched(made) as seen, peers(made) as around:
            maker = Maker(made, around.outbox("cleanup"))
            asyncio.run(maker.make_all())
        assert (being_filled / "dmesg.log").read_bytes() == b"y"
    assert unfinished.read_bytes() == b"x"
    assert stop(cleaning) == 0
    limit = LIMIT_BYTES + max(maker.sealed.values())
    assert 0 < maker.peak_bytes <= limit
    assert 0 < seen.value <= limit
    assert len(maker.sealed) == BUNDLES
    deleted = {one.bundle for one in read(made) if isinstance(one, Deleted)}
    left = {path.name for path in made.aod_output_dir.glob("aod_*.tar.zst")}
    assert deleted | left == {names.archive(timestamp) for timestamp in maker.sealed}
    assert not deleted & left
    assert names.archive(max(maker.sealed)) in left
    for name in left:
        open_bundle(made.aod_output_dir / name)
