"""Runs a bundle's actions, each into its own file, in four phases.

VOLATILE at once; STEADY when those are done or have had their head start; SERVER when the steady
ones are done; LATE when the time that follows the trigger is over. Within a phase all at once."""

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from aod.actions import process
from aod.actions.action import Action, Phase
from aod.actions.job import Job
from aod.actions.mask import mask_text
from aod.actions.output import FullError
from aod.actions.resolve import Situation
from aod.actions.result import Mount, Source
from aod.actions.source import collect_action

HEAD_START_SEC: Final = 0.5
"""For volatile evidence; where it hangs, the rest does not wait longer than this."""
MOUNTINFO: Final = "/proc/self/mountinfo"
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
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
        here = replace(situation, mounts=await probe) if asks_mounts else situation
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
    return Collected(sources, probe.result())


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


async def cifs_mounts() -> tuple[Mount, ...]:
    """The cifs file systems that are mounted; read by a child, as this may block like the rest."""
    text = bytearray()

    def take(piece: bytes) -> None:
        text.extend(piece)
        if len(text) > _MAX_MOUNTS_BYTES:
            raise FullError

    await asyncio.sleep(0)  # what is volatile is started first
    with suppress(process.StartError):
        await process.run(("cat", MOUNTINFO), take, timeout_sec=5)
    return mounted(os.fsdecode(bytes(text)))


def mounted(mountinfo: str) -> tuple[Mount, ...]:
    """The cifs file systems in a mountinfo file, each once, where it was mounted first.

    Lines that are not of mountinfo's form (proc(5)) are passed over. The options are the last
    field: some kernels leave the blanks of a source as they are (cifs_show_devname of 5.12)."""
    found: dict[str, Mount] = {}
    for line in mountinfo.split("\n"):
        where, _, what = line.partition(" - ")
        left, right = where.split(" "), what.split(" ")
        if len(left) >= 6 and len(right) >= 3 and right[0] in ("cifs", "smb3"):
            source, mount_point = _unescape(" ".join(right[1:-1])), _unescape(left[4])
            mount = Mount(source, mount_point, type=right[0], options=mask_text(right[-1]))
            found.setdefault(left[2], mount)  # by its device
    return tuple(found.values())


def _unescape(field: str) -> str:
    """Spaces, tabs, newlines and backslashes are octal in mountinfo."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), field)
