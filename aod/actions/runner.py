"""Runs a bundle's actions: all at once, each into its own file, what is volatile first."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from aod.actions import mounts, process
from aod.actions.output import FullError
from aod.actions.resolve import Situation
from aod.actions.source import Limits, collect_action
from aod.actions.table import Action
from aod.manifest import Mount, Source

HEAD_START_SEC: Final = 0.5
"""For volatile evidence; where it hangs, the rest does not wait longer than this."""
_MOUNTS_TIMEOUT_SEC: Final = 5
_MAX_MOUNTS_BYTES: Final = 1 << 20


class Collected(Struct, frozen=True):
    """What running a bundle's actions came to."""

    sources: tuple[Source, ...]
    mounts: tuple[Mount, ...]


async def collect(
    actions: Sequence[Action], folder: Path, timestamp_ns: int, limits: Limits
) -> Collected:
    """Run actions, each into its file in `folder`.

    A source that fails, hangs or is missing costs nothing but itself. Returns two
    `process.KILL_GRACE_SEC` after the longest timeout at the latest.

    Raises:
        OSError: a file cannot be written.
    """
    probe = asyncio.create_task(cifs_mounts())

    async def collect_one(action: Action) -> list[Source]:
        situation = Situation(timestamp_ns, await probe if action.each_mount else ())
        return await collect_action(action, folder, situation, limits)

    try:
        found = await _volatile_first(actions, collect_one)
        return Collected(tuple(source for sources in found for source in sources), await probe)
    finally:
        probe.cancel()


async def cifs_mounts() -> tuple[Mount, ...]:
    """The cifs file systems that are mounted; read by a child, as this may block like the rest."""
    text = bytearray()

    def take(piece: bytes) -> None:
        text.extend(piece)
        if len(text) > _MAX_MOUNTS_BYTES:
            raise FullError

    with suppress(process.StartError):
        await process.run(("cat", mounts.MOUNTINFO), take, _MOUNTS_TIMEOUT_SEC)
    return mounts.cifs_mounts(os.fsdecode(bytes(text)))


async def _volatile_first(
    actions: Sequence[Action], collect_one: Callable[[Action], Awaitable[list[Source]]]
) -> list[list[Source]]:
    head_start_over = asyncio.Event()

    async def in_turn(action: Action) -> list[Source]:
        if not action.volatile:
            await head_start_over.wait()
        return await collect_one(action)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(in_turn(action)) for action in actions]
            volatile = [task for task, row in zip(tasks, actions, strict=True) if row.volatile]
            if volatile:
                await asyncio.wait(volatile, timeout=HEAD_START_SEC)
            head_start_over.set()
    except ExceptionGroup as errors:  # the first of them made the others stop
        raise errors.exceptions[0] from errors
    return [task.result() for task in tasks]
