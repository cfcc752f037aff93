"""Runs a bundle's actions, each into its own file, in four phases.

VOLATILE at once; STEADY when those are done or have had their head start; SERVER when the steady
ones are done; LATE when the time that follows the trigger is over. Within a phase all at once."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from aod.actions import mounts, process
from aod.actions.action import Action, Phase
from aod.actions.job import Job
from aod.actions.output import FullError
from aod.actions.resolve import Situation
from aod.actions.result import Mount, Source
from aod.actions.source import collect_action

HEAD_START_SEC: Final = 0.5
"""For volatile evidence; where it hangs, the rest does not wait longer than this."""
_MOUNTS_TIMEOUT_SEC: Final = 5
_MAX_MOUNTS_BYTES: Final = 1 << 20


class Collected(Struct, frozen=True):
    """What running a bundle's actions came to."""

    sources: tuple[Source, ...]
    mounts: tuple[Mount, ...]


async def collect(
    actions: Sequence[Action],
    situation: Situation,
    job: Job,
    late: asyncio.Future[None],
    on_done: Callable[[Sequence[Source]], object],
) -> Collected:
    """Run actions, each into its own file.

    A source that fails, hangs or is missing costs nothing but itself. Returns two
    `process.KILL_GRACE_SEC` after the longest timeout (of LATE ones: after `late`) at the latest.

    Args:
        situation: its mounts are found here.
        late: done when what follows the trigger is over, or nobody waits for it any more.
        on_done: called with what each action came to, as it ends.

    Raises:
        OSError: a file cannot be written."""
    turns = _Turns(late)

    async def collect_one(action: Action) -> Sequence[Source]:
        await turns.wait_for(action.phase)
        asks_mounts = any(command.each_mount for command in action.commands)
        here = replace(situation, mounts=await probe) if asks_mounts else situation
        sources = await collect_action(action, here, job)
        on_done(sources)
        return sources

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(collect_one(action)) for action in actions]
            turns.tasks = [(one.phase, task) for one, task in zip(actions, tasks, strict=True)]
            probe = group.create_task(cifs_mounts())
    except ExceptionGroup as errors:  # the first of them made the others stop
        raise errors.exceptions[0] from errors
    return Collected(tuple(source for task in tasks for source in task.result()), probe.result())


class _Turns:
    """When the actions of a phase may begin.

    Attributes:
        tasks: all actions with their phases."""

    def __init__(self, late: asyncio.Future[None]) -> None:
        self.tasks: list[tuple[Phase, asyncio.Task[Sequence[Source]]]] = []
        self._late = late

    async def wait_for(self, phase: Phase) -> None:
        """Until it is that phase's turn."""
        if phase is not Phase.VOLATILE:
            await self._done(Phase.VOLATILE, HEAD_START_SEC)
        if phase is Phase.SERVER:
            await self._done(Phase.STEADY)
        if phase is Phase.LATE:
            await asyncio.wait((self._late,))

    async def _done(self, phase: Phase, timeout_sec: float | None = None) -> None:
        if tasks := [task for its_phase, task in self.tasks if its_phase is phase]:
            await asyncio.wait(tasks, timeout=timeout_sec)


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
