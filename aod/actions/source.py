"""One action: its commands on this host, run into its file."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from math import ceil

from msgspec.structs import replace

from aod.actions import client_reads, process
from aod.actions.action import Action
from aod.actions.client_reads import NotReadError
from aod.actions.job import Job
from aod.actions.mask import LineMask, mask_text
from aod.actions.output import FullError, Keep, OutputFile
from aod.actions.process import Ended
from aod.actions.remarks import Remarks
from aod.actions.resolve import Situation, Step, steps
from aod.actions.result import Source, Status, not_run
from aod.actions.sections import Sections
from aod.actions.turns import Turns
from aod.files import sha256
from aod.text import one_line


async def collect_action(action: Action, situation: Situation, job: Job) -> list[Source]:
    """Run an action; its file is there afterwards, whatever happened to its commands.

    Raises OSError: the file cannot be written."""
    limits, path = situation.config.capture, situation.folder / action.file
    max_bytes = min(action.max_bytes, int(limits.max_file_mb * (1 << 20)))
    file = OutputFile(path, max_bytes, action.keep, job.budget)
    todo = client_reads.permitted(steps(action, situation), limits.proc_cifs)
    sections = Sections(file, len(todo), max_bytes)
    total_sec = min(action.timeout_sec, limits.action_timeout_sec)
    try:
        sources = await _Run(action, todo, sections, job, total_sec).all()
    finally:
        file.close()
    digest = await asyncio.to_thread(sha256, path)
    # With Keep.END nobody was stopped: that the start is gone shows only now.
    lost_start = file.truncated and action.keep is Keep.END
    return [
        replace(
            source,
            status=Status.TRUNCATED
            if source.status is Status.OK and (lost_start or at in sections.cut)
            else source.status,
            truncated=file.truncated,
            note=source.note or (file.note if file.truncated else ""),
            bytes=file.size,
            sha256=digest,
        )
        for at, source in enumerate(sources)
    ]


class _Run:
    """The commands of one action, on their way into its file."""

    def __init__(
        self, action: Action, todo: Sequence[Step], sections: Sections, job: Job, total_sec: float
    ) -> None:
        self._action, self._todo, self._sections, self._job = action, todo, sections, job
        self._turns = Turns([step.group for step in todo])
        self._total_sec, self._floor_sec = total_sec, min(action.floor_sec, total_sec)
        self._deadline = time.monotonic() + total_sec
        self._sources: dict[int, Source] = {}

    async def all(self) -> list[Source]:
        """Run them, as many at once as the action allows; what each came to, in their order.

        Raises OSError: the file cannot be written."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._action.at_once, len(self._todo))):
                    group.create_task(self._one_after_the_other())
        except ExceptionGroup as errors:  # the first of them made the others stop
            raise errors.exceptions[0] from errors
        return [self._sources[at] for at in range(len(self._todo))]

    async def _one_after_the_other(self) -> None:
        while (at := self._turns.begin()) is not None:
            source = self._sources[at] = await self._step(at)
            hangs = source.status in (Status.TIMED_OUT, Status.ABANDONED)
            self._turns.end(at, answered=not hangs)
            self._sections.finish(at)

    async def _step(self, at: int) -> Source:
        """Run a command, unless it would be in vain."""
        step = self._todo[at]
        if self._action.has_headings:
            self._comment(at, f"==> {mask_text(' '.join(step.argv))} <==")
        if why := self._in_vain(step):
            return self._not_run(at, *why)
        async with self._slot():
            if (timeout_sec := self._timeout_sec()) is None:
                note = f"not asked (limit): the {self._total_sec:g} s for all of them were over"
                return self._not_run(at, Status.MISSING, note)
            clock = time.monotonic()
            source = await self._child(at, timeout_sec)
            duration_sec = round(time.monotonic() - clock, 6)
        if self._action.has_headings and source.status is not Status.OK:
            ended = f"aod: {source.status} after {duration_sec:.1f} s {source.note}"
            self._comment(at, ended.rstrip())
        return replace(source, duration_sec=duration_sec)

    def _in_vain(self, step: Step) -> tuple[Status, str] | None:
        if why := step.missing or step.why_not:
            return Status.MISSING, why
        if step.asked in process.hanging() and not client_reads.is_one(step):
            return Status.ABANDONED, "not run: an earlier one still hangs in the kernel"
        if why := self._job.why_hurry:
            return Status.TIMED_OUT, f"not run: {why}"
        if why := self._sections.why_full:
            return Status.TRUNCATED, f"not run: {why}"
        return None

    def _not_run(self, at: int, status: Status, note: str) -> Source:
        prefix = "not collected: " if self._todo[at].missing else ""
        self._comment(at, f"aod: {prefix}{note}")
        return self._source(at, status, note)

    def _source(self, at: int, status: Status, note: str = "") -> Source:
        action = self._action
        command = tuple(mask_text(argument) for argument in self._todo[at].argv)
        return not_run(action.name, note, status, action.file, command)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """One of the places of those who ask servers; none, where it is not free in time."""
        if self._action.at_once == 1:
            yield
            return
        asking, is_held = self._job.children.asking, False
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._left_sec - self._floor_sec)):
                is_held = await asking.acquire()
        try:
            yield
        finally:
            if is_held:
                asking.release()

    def _timeout_sec(self) -> float | None:
        """An equal share of what is left, or the floor: whoever hangs does not use up the others'
        time. None: not even the floor is left."""
        left_sec = self._left_sec
        rounds = ceil(self._turns.unfinished / self._action.at_once)
        share_sec = max(left_sec / rounds, self._floor_sec)
        return min(share_sec, left_sec) if left_sec >= self._floor_sec else None

    @property
    def _left_sec(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    async def _child(self, at: int, timeout_sec: float) -> Source:
        step, source = self._todo[at], self._source(at, Status.OK)
        output = _Masked(self._sections, at, binary=self._action.binary)
        try:
            ended = await client_reads.run(step, output.take, timeout_sec, self._job)
        except process.StartError as error:
            return replace(source, status=Status.FAILED, note=str(error))
        except NotReadError as error:
            return replace(source, status=error.status, note=str(error))
        full = output.finish() or ended.enough
        is_error = bool(step.error_text) and output.first.startswith(step.error_text)
        status = _status(ended, full=full, failed=is_error or bool(ended.exit_status))
        errors = ended.stderr_tail.decode(errors="replace")
        if step.nothing_text and step.nothing_text in errors:
            status = Status.MISSING
        why = self._job.why_hurry if ended.timed_out else ""
        return replace(
            source,
            status=status,
            exit_status=ended.exit_status,
            timed_out=ended.timed_out,
            stderr_tail=errors,
            note=_note(step, status, errors, why, output.remarks),
        )

    def _comment(self, at: int, line: str) -> None:
        """A line of ours in the file; there may be no room for it."""
        if not self._action.binary:
            with suppress(FullError):
                self._sections.write(at, f"{line}\n".encode(errors="replace"))


class _Masked:
    """What a child prints, on its way to its part of the file."""

    def __init__(self, sections: Sections, at: int, *, binary: bool) -> None:
        self._to_file = partial(sections.write, at)
        self._mask = None if binary else LineMask()
        self.first = b""
        self.remarks = Remarks()

    def take(self, piece: bytes) -> None:
        self.first = self.first or piece
        self._write(self._mask.feed(piece) if self._mask else piece)

    def finish(self) -> bool:
        """Write what is left; whether the file had no room for it."""
        with suppress(FullError):
            self._write(self._mask.finish() if self._mask else b"")
            return False
        return True

    def _write(self, text: bytes) -> None:
        if self._mask:
            self.remarks.feed(text)
        self._to_file(text)


def _note(step: Step, status: Status, errors: str, why_cut: str, remarks: Remarks) -> str:
    """What there is to know of a command that ended so."""
    parts = (
        f"cut short: {why_cut}" if why_cut else "",
        step.caveat if status is Status.FAILED else "",
        one_line(errors) if step.errors_are_note or status is Status.MISSING else "",
        remarks.note(),
    )
    return "; ".join(filter(None, parts))


def _status(ended: Ended, *, full: bool, failed: bool) -> Status:
    if ended.exit_status is None:
        return Status.ABANDONED
    if ended.timed_out:
        return Status.TIMED_OUT
    if full:
        return Status.TRUNCATED
    return Status.FAILED if failed else Status.OK
