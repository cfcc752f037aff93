"""Runs a bundle's actions, each into its own file, in four phases.

VOLATILE at once; STEADY when those are done or have had their head start; SERVER when the steady
ones are done; LATE when the time that follows the trigger is over. Within a phase all at once.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from aod.actions import mounts, process
from aod.actions.output import FullError
from aod.actions.resolve import Situation
from aod.actions.result import Mount, Source
from aod.actions.source import Limits, collect_action
from aod.actions.table import Action, Phase

HEAD_START_SEC: Final = 0.5
"""For volatile evidence; where it hangs, the rest does not wait longer than this."""
_MOUNTS_TIMEOUT_SEC: Final = 5
_MAX_MOUNTS_BYTES: Final = 1 << 20

_Collect: TypeAlias = Callable[[Action], Awaitable[Sequence[Source]]]


class Collected(Struct, frozen=True):
    """What running a bundle's actions came to."""

    sources: tuple[Source, ...]
    mounts: tuple[Mount, ...]


async def collect(  # noqa: PLR0913  # what is run, and three ways to take part in it
    actions: Sequence[Action],
    folder: Path,
    situation: Situation,
    limits: Limits,
    *,
    late: asyncio.Future[None] | None = None,
    on_done: Callable[[Sequence[Source]], object] = lambda _: None,
    skip: Collection[str] = (),
) -> Collected:
    """Run actions, each into its file in `folder`, but those whose names are in `skip`.

    Args:
        situation: its mounts are found here.
        late: done when what follows the trigger is over, or nobody waits for it any more.
        on_done: called with what each action came to, as it ends.

    A source that fails, hangs or is missing costs nothing but itself. Returns two
    `process.KILL_GRACE_SEC` after the longest timeout (of LATE ones: after `late`) at the latest.

    Raises:
        OSError: a file cannot be written.
    """

    async def collect_one(action: Action) -> Sequence[Source]:
        asks_mounts = any(command.each_mount for command in action.commands)
        here = replace(situation, mounts=await probe) if asks_mounts else situation
        sources = await collect_action(action, folder, here, limits)
        on_done(sources)
        return sources

    phases = _Phases([action for action in actions if action.name not in skip], collect_one)
    probe = asyncio.create_task(cifs_mounts())
    try:
        found = await phases.run(late)
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

    await asyncio.sleep(0)  # what is volatile is started first
    with suppress(process.StartError):
        await process.run(("cat", mounts.MOUNTINFO), take, _MOUNTS_TIMEOUT_SEC)
    return mounts.cifs_mounts(os.fsdecode(bytes(text)))


class _Phases:
    """Which action begins when."""

    def __init__(self, actions: Sequence[Action], collect_one: _Collect) -> None:
        self._actions = actions
        self._collect_one = collect_one
        self._open = {phase: asyncio.Event() for phase in Phase}
        self._tasks: list[asyncio.Task[Sequence[Source]]] = []

    async def run(self, late: asyncio.Future[None] | None) -> list[Sequence[Source]]:
        """Run them all; what each came to, in their order."""
        self._open[Phase.VOLATILE].set()
        try:
            async with asyncio.TaskGroup() as group:
                self._tasks = [group.create_task(self._in_turn(action)) for action in self._actions]
                group.create_task(self._open_late(late))
                await self._done(Phase.VOLATILE, HEAD_START_SEC)
                self._open[Phase.STEADY].set()
                await self._done(Phase.STEADY)
                self._open[Phase.SERVER].set()
        except ExceptionGroup as errors:  # the first of them made the others stop
            raise errors.exceptions[0] from errors
        return [task.result() for task in self._tasks]

    async def _in_turn(self, action: Action) -> Sequence[Source]:
        await self._open[action.phase].wait()
        return await self._collect_one(action)

    async def _open_late(self, late: asyncio.Future[None] | None) -> None:
        await self._open[Phase.STEADY].wait()
        if late is not None:
            await asyncio.wait((late,))
        self._open[Phase.LATE].set()

    async def _done(self, phase: Phase, timeout_sec: float | None = None) -> None:
        both = zip(self._tasks, self._actions, strict=True)
        if tasks := [task for task, action in both if action.phase is phase]:
            await asyncio.wait(tasks, timeout=timeout_sec)
