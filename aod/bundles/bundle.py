"""From an anomaly to its sealed bundle: `aod_<timestamp>/`, filled, packed, renamed into place.

Killed at any moment, its maker leaves either the sealed archive or a folder that the next maker
continues."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from aod.actions.job import Job
from aod.actions.result import Source
from aod.anomaly import Anomaly
from aod.bundles import archive, contents, manifest, progress
from aod.bundles.filling import Filling, Surroundings
from aod.bundles.progress import Progress
from aod.bundles.workfolder import work_folder
from aod.config.schema import Config
from aod.files import appearing, read_regular
from aod.state import names
from aod.transport.wire import Sealed

_OF_EVERY_MAKER: Final = (contents.ANOMALY, contents.STATS, contents.EVENTS)
_READ_FIRST: Final = (contents.SUMMARY, manifest.FILE, *_OF_EVERY_MAKER)
_MAX_ANOMALY_BYTES: Final = 16 << 20


class Made(Struct, frozen=True):
    """A bundle that was made."""

    sealed: Sealed
    sources: tuple[Source, ...]
    first_evidence_ns: int | None
    """From the trigger to the first volatile evidence on disk; None: there was none."""


async def make(
    anomaly: Anomaly, config: Config, job: Job, around: Surroundings, *, only_seal: bool = False
) -> Made | None:
    """Make the bundle of an anomaly, or finish one that was begun; None if it is there already.

    With `only_seal`, what was begun is sealed as it is. Whatever waits for the disk, the history
    and the compression run in threads. Raises BusyError: another
    process makes it. Raises OSError: it cannot be written; what was collected is left for another
    try."""
    output_dir, level = config.aod_output_dir, config.capture.compression_level
    path = output_dir / names.archive(anomaly.timestamp)
    async with _in_threads(work_folder(output_dir, anomaly.timestamp)) as folder:
        so_far = await asyncio.to_thread(_continued, folder, anomaly)
        if path.exists():
            return None
        around.begun(anomaly)
        filling = Filling(so_far, anomaly, config, job, around)
        filled, sources = await filling.fill(only_seal=only_seal)
        unfinished = path.with_name(names.unfinished(anomaly.timestamp))
        pack = partial(archive.pack, filled, unfinished, level, _READ_FIRST, name=folder.name)
        await asyncio.get_running_loop().run_in_executor(around.packing, pack)
        async with around.room():
            size_bytes = await asyncio.to_thread(archive.publish, unfinished, path)
    sealed = Sealed(anomaly.timestamp, str(path), size_bytes)
    return Made(sealed, sources, filling.first_evidence_ns)


def begun(output_dir: Path, timestamp: int) -> Anomaly | None:
    """The anomaly of an unfinished bundle, without its evidence, which is in events.npy."""
    path = output_dir / names.folder(timestamp) / contents.ANOMALY
    try:
        anomaly = msgspec.json.decode(read_regular(path, _MAX_ANOMALY_BYTES), type=Anomaly)
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
        return None
    return anomaly if anomaly.timestamp == timestamp else None


@asynccontextmanager
async def _in_threads(folder: AbstractContextManager[Path]) -> AsyncIterator[Path]:
    """The folder, where nobody waits for the disk."""
    path = await asyncio.to_thread(folder.__enter__)
    try:
        yield path
    finally:
        await asyncio.to_thread(folder.__exit__, *sys.exc_info())


def _continued(folder: Path, anomaly: Anomaly) -> Progress:
    """What of a predecessor's work is of use; the rest is gone then, and the anomaly is there."""
    so_far = progress.read(folder)
    if any(folder.iterdir()):
        so_far.take_over()
    kept = {source.file for sources in so_far.kept.values() for source in sources}
    kept |= {progress.FILE, *_OF_EVERY_MAKER}
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in kept or not path.is_file():
            path.unlink()
    if begun(folder.parent, anomaly.timestamp) is None:
        unfinished = folder / f".{contents.ANOMALY}.new"
        with appearing(folder / contents.ANOMALY, unfinished, durable=False) as file:
            file.write(contents.anomaly_json(anomaly))
    return so_far
