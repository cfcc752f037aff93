"""Commands that read the client's files in /proc/fs/cifs: only where this kernel survives it, and
one at a time, in all bundles and stages together."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

from msgspec.structs import replace

from aod.actions import process
from aod.actions.job import Job
from aod.actions.process import Ended, Traits
from aod.actions.resolve import Step
from aod.actions.result import Status
from aod.kernel import client_files
from aod.kernel.client_files import ProcCifs
from aod.kernel.reader_lock import NAME, BusyError, Queue, Turn

_POLL_SEC: Final = 0.002
"""A reader usually takes some milliseconds, most of them to start a process."""


class NotReadError(Exception):
    """A file of the client's is not read; the text says why."""

    def __init__(self, why: str, status: Status) -> None:
        super().__init__(why)
        self.status = status


def permitted(steps: Iterable[Step], policy: ProcCifs) -> list[Step]:
    """The steps; those that read what must not be read on this kernel are missing."""
    return [replace(step, missing=step.missing or _why_not(step, policy)) for step in steps]


def is_one(step: Step) -> bool:
    """Whether a step reads a file of the client's."""
    return any(map(client_files.is_one, step.argv))


async def run(step: Step, take: Callable[[bytes], None], timeout_sec: float, job: Job) -> Ended:
    """`process.run`; of the client's files, no two are read at the same time.

    Raises NotReadError: another reader does not end. Raises what `process.run` raises."""
    if not is_one(step):
        return await process.run(step.argv, take, timeout_sec, job, Traits(step.asked))
    began = time.monotonic()
    turn = await _turn(job, timeout_sec)
    try:
        left_sec = max(0.0, began + timeout_sec - time.monotonic())
        return await process.run(step.argv, take, left_sec, job, Traits(step.asked, turn))
    finally:
        turn.give_back()


def _why_not(step: Step, policy: ProcCifs) -> str:
    paths = filter(client_files.is_one, step.argv)
    return next(filter(None, (client_files.why_not(path, policy) for path in paths)), "")


async def _turn(job: Job, patience_sec: float) -> Turn:
    queue = Queue(job.runtime_dir, patience_sec)
    try:
        while (turn := queue.poll()) is None:
            await asyncio.wait((job.hurry,), timeout=_POLL_SEC)
            if job.hurry.done():
                raise NotReadError(f"not run: {job.why_hurry}", Status.TIMED_OUT)
    except BusyError as error:
        raise NotReadError(str(error), Status.ABANDONED) from error
    except OSError as error:
        why = f"not read: {job.runtime_dir / NAME} cannot be locked: {error.strerror or error}"
        raise NotReadError(why, Status.FAILED) from error
    return turn
