"""One action: its commands on this host, run one after the other into its file."""

import asyncio
import time
from contextlib import suppress

from msgspec.structs import replace

from aod.actions import process
from aod.actions.action import Action
from aod.actions.job import Job
from aod.actions.mask import LineMask, mask_text
from aod.actions.output import FullError, Keep, OutputFile
from aod.actions.process import Ended
from aod.actions.remarks import Remarks
from aod.actions.resolve import Situation, Step, steps
from aod.actions.result import Source, Status, not_run
from aod.files import sha256
from aod.text import one_line


async def collect_action(action: Action, situation: Situation, job: Job) -> list[Source]:
    """Run an action; its file is there afterwards, whatever happened to its commands.

    Raises OSError: the file cannot be written."""
    limits, path = situation.config.capture, situation.folder / action.file
    max_bytes = min(action.max_bytes, int(limits.max_file_mb * (1 << 20)))
    file = OutputFile(path, max_bytes, action.keep, job.budget)
    run = _Run(action, file, job)
    deadline = time.monotonic() + min(action.timeout_sec, limits.action_timeout_sec)
    todo = steps(action, situation)
    sources = []
    try:
        for left, step in zip(range(len(todo), 0, -1), todo, strict=True):
            # An equal share of what is left: a mount that hangs does not use up the others' time.
            share_sec = max(0.0, deadline - time.monotonic()) / left
            sources.append(await run.step(step, share_sec))
    finally:
        file.close()
    digest = await asyncio.to_thread(sha256, path)
    # With Keep.END nobody was stopped: that the start is gone shows only now.
    ok = Status.TRUNCATED if file.truncated and action.keep is Keep.END else Status.OK
    return [
        replace(
            source,
            status=ok if source.status is Status.OK else source.status,
            truncated=file.truncated,
            note=source.note or (file.note if file.truncated else ""),
            bytes=file.size,
            sha256=digest,
        )
        for source in sources
    ]


class _Run:
    """The commands of one action, on their way into its file."""

    def __init__(self, action: Action, file: OutputFile, job: Job) -> None:
        self._action, self._file, self._job = action, file, job

    async def step(self, step: Step, timeout_sec: float) -> Source:
        """Run a command, unless it would be in vain."""
        action, clock = self._action, time.monotonic()
        command = tuple(mask_text(argument) for argument in step.argv)
        source = not_run(action.name, "", Status.OK, action.file, command)
        if action.has_headings:
            self._comment(f"==> {mask_text(' '.join(step.argv))} <==")
        if why := self._in_vain(step):
            status, note = why
            self._comment(f"aod: {'not collected: ' if step.missing else ''}{note}")
            return replace(source, status=status, note=note)
        source = await self._child(step, source, timeout_sec)
        duration_sec = round(time.monotonic() - clock, 6)
        if action.has_headings and source.status is not Status.OK:
            ended = f"aod: {source.status} after {duration_sec:.1f} s {source.note}"
            self._comment(ended.rstrip())
        return replace(source, duration_sec=duration_sec)

    def _in_vain(self, step: Step) -> tuple[Status, str] | None:
        if step.missing:
            return Status.MISSING, step.missing
        if step.asked in process.hanging():
            return Status.ABANDONED, "not run: an earlier one still hangs in the kernel"
        if why := self._job.why_hurry:
            return Status.TIMED_OUT, f"not run: {why}"
        if why := self._file.why_full:
            return Status.TRUNCATED, f"not run: {why}"
        return None

    async def _child(self, step: Step, source: Source, timeout_sec: float) -> Source:
        output = _Masked(self._file, binary=self._action.binary)
        try:
            ended = await process.run(step.argv, output.take, timeout_sec, self._job, step.asked)
        except process.StartError as error:
            return replace(source, status=Status.FAILED, note=str(error))
        full = output.finish() or ended.enough
        is_error = bool(step.error_text) and output.first.startswith(step.error_text)
        why = self._job.why_hurry if ended.timed_out else ""
        errors = ended.stderr_tail.decode(errors="replace")
        notes = (
            f"cut short: {why}" if why else "",
            one_line(errors) if step.errors_are_note else "",
            output.remarks.note(),
        )
        return replace(
            source,
            status=_status(ended, full=full, failed=is_error or bool(ended.exit_status)),
            exit_status=ended.exit_status,
            timed_out=ended.timed_out,
            stderr_tail=errors,
            note="; ".join(filter(None, notes)),
        )

    def _comment(self, line: str) -> None:
        """A line of ours in the file; there may be no room for it."""
        if not self._action.binary:
            with suppress(FullError):
                self._file.write(f"{line}\n".encode(errors="replace"))


class _Masked:
    """What a child prints, on its way to the file."""

    def __init__(self, file: OutputFile, *, binary: bool) -> None:
        self._file = file
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
        self._file.write(text)


def _status(ended: Ended, *, full: bool, failed: bool) -> Status:
    if ended.exit_status is None:
        return Status.ABANDONED
    if ended.timed_out:
        return Status.TIMED_OUT
    if full:
        return Status.TRUNCATED
    return Status.FAILED if failed else Status.OK
