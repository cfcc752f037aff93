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

from aod.actions import process
from aod.actions.action import Action, Phase
from aod.actions.job import Job
from aod.actions.mounts import HOST_ROOT, Table, Target, targets
from aod.actions.output import FullError
from aod.actions.resolve import Situation
from aod.actions.result import Mount, Source
from aod.actions.source import collect_action

HEAD_START_SEC: Final = 0.5
"""For volatile evidence; where it hangs, the rest does not wait longer than this."""
MOUNTINFO: Final = "/proc/self/mountinfo"
HOST_MOUNTINFO: Final = f"{HOST_ROOT}/proc/1/mountinfo"
"""By that way: whoever can read it can also ask by it."""
_MAX_MOUNTS_BYTES: Final = 1 << 20

_Tasks = list[tuple[Phase, asyncio.Task[Sequence[Source]]]]
"""All actions with their phases."""


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
    tasks: _Tasks = []

    async def collect_one(action: Action) -> Sequence[Source]:
        await _turn(action.phase, tasks, late)
        asks_mounts = any(command.each_mount for command in action.commands)
        here = replace(situation, targets=await probe) if asks_mounts else situation
        sources = await collect_action(action, here, job)
        on_done(sources)
        return sources

    try:
        async with asyncio.TaskGroup() as group:
            tasks += [(one.phase, group.create_task(collect_one(one))) for one in actions]
            probe = group.create_task(cifs_mounts())
    except ExceptionGroup as errors:  # the first of them made the others stop
        raise errors.exceptions[0] from errors
    sources = tuple(source for _, task in tasks for source in task.result())
    return Collected(sources, tuple(target.mount for target in probe.result()))


async def _turn(phase: Phase, tasks: _Tasks, late: asyncio.Future[None]) -> None:
    """Wait until the actions of a phase may begin."""
    if phase is not Phase.VOLATILE:
        await _done(tasks, Phase.VOLATILE, HEAD_START_SEC)
    if phase is Phase.SERVER:
        await _done(tasks, Phase.STEADY)
    if phase is Phase.LATE:
        await asyncio.wait((late,))


async def _done(tasks: _Tasks, phase: Phase, timeout_sec: float | None = None) -> None:
    if of_phase := [task for its_phase, task in tasks if its_phase is phase]:
        await asyncio.wait(of_phase, timeout=timeout_sec)


async def cifs_mounts() -> tuple[Target, ...]:
    """The cifs file systems that are mounted, each once."""
    await asyncio.sleep(0)  # what is volatile is started first
    here = Table(await _text_of(MOUNTINFO))
    return targets(here, Table(await _text_of(HOST_MOUNTINFO) if here.hides_some else ""))


async def _text_of(path: str) -> str:
    """A table of mounts, read by a child, as this may block like the rest; empty: not for us."""
    text = bytearray()

    def take(piece: bytes) -> None:
        text.extend(piece)
        if len(text) > _MAX_MOUNTS_BYTES:
            raise FullError

    with suppress(process.StartError):
        await process.run(("cat", path), take, timeout_sec=5)
    return os.fsdecode(bytes(text))
