"""One action: its commands on this host, run one after the other into its file."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from aod.actions import process
from aod.actions.mask import LineMask, mask_text
from aod.actions.output import Budget, FullError, Keep, OutputFile
from aod.actions.process import Children, Ended, Ties
from aod.actions.resolve import Situation, Step, steps
from aod.actions.result import Source, Status, not_run
from aod.actions.table import Action
from aod.files import sha256
from aod.text import utc_now


class Limits(Struct, frozen=True):
    """What is allowed a single action; its row may ask for less."""

    timeout_sec: float
    max_bytes: int
    hurry: asyncio.Future[None] | None = None
    """Done: what runs is ended now, and what it has printed has to do."""
    children: Children | None = None
    """Told of every child."""
    budget: Budget | None = None
    """Of the bundle."""

    @property
    def in_a_hurry(self) -> bool:
        return self.hurry is not None and self.hurry.done()

    @property
    def why_hurry(self) -> str:
        return (self.budget.ended if self.budget else "") or "aod was stopping"


async def collect_action(
    action: Action, folder: Path, situation: Situation, limits: Limits
) -> list[Source]:
    """Run an action; its file is there afterwards, whatever happened to its commands.

    Raises:
        OSError: the file cannot be written.
    """
    path = folder / action.file
    max_bytes = min(action.max_bytes, limits.max_bytes)
    file = OutputFile(path, max_bytes, action.keep, limits.budget)
    try:
        sources = await _run_steps(action, steps(action, situation), file, limits)
    finally:
        file.close()
    digest = await asyncio.to_thread(sha256, path)
    return [_with_file(source, action, file, digest) for source in sources]


async def _run_steps(
    action: Action, todo: Sequence[Step], file: OutputFile, limits: Limits
) -> list[Source]:
    deadline = time.monotonic() + min(action.timeout_sec, limits.timeout_sec)
    sources = []
    for left, step in zip(range(len(todo), 0, -1), todo, strict=True):
        # An equal share of what is left: a mount that hangs does not use up the others' time.
        share = max(0.0, deadline - time.monotonic()) / left
        share_of_limits = replace(limits, timeout_sec=share)
        sources.append(await _run(action, step, file, share_of_limits))
    return sources


async def _run(action: Action, step: Step, file: OutputFile, limits: Limits) -> Source:
    """Run one command, unless it would be in vain; for no longer than `limits.timeout_sec`."""
    started, clock = utc_now(), time.monotonic()
    if action.has_headings:
        _say(action, file, f"==> {mask_text(' '.join(step.argv))} <==")
    if why := _in_vain(action, step, file, limits):
        status, note = why
        _say(action, file, f"aod: {'not collected: ' if step.missing else ''}{note}")
        return _source(action, step.argv, status, note)
    source = await _run_child(action, step, file, limits)
    duration_sec = round(time.monotonic() - clock, 6)
    if action.has_headings and source.status is not Status.OK:
        _say(
            action, file, f"aod: {source.status} after {duration_sec:.1f} s {source.note}".rstrip()
        )
    return replace(source, started=started, duration_sec=duration_sec)


def _in_vain(
    action: Action, step: Step, file: OutputFile, limits: Limits
) -> tuple[Status, str] | None:
    if step.missing:
        return Status.MISSING, step.missing
    if step.asked in process.hanging():
        return Status.ABANDONED, "not run: an earlier one still hangs in the kernel"
    if limits.in_a_hurry:
        return Status.TIMED_OUT, f"not run: {limits.why_hurry}"
    if file.why_full:
        return Status.TRUNCATED, f"not run: {file.why_full}"
    return None


async def _run_child(action: Action, step: Step, file: OutputFile, limits: Limits) -> Source:
    output = _Masked(file, binary=action.binary)
    try:
        ended = await process.run(
            step.argv,
            output.take,
            limits.timeout_sec,
            Ties(limits.hurry, limits.children, step.asked),
        )
    except process.StartError as error:
        return _source(action, step.argv, Status.FAILED, note=str(error))
    full = output.finish() or ended.enough
    failed = bool(ended.exit_status) or output.starts_with(step.error_text)
    hurried = ended.timed_out and limits.in_a_hurry
    return replace(
        _source(action, step.argv, _status(ended, full=full, failed=failed)),
        exit_status=ended.exit_status,
        timed_out=ended.timed_out,
        stderr_tail=ended.stderr_tail.decode(errors="replace"),
        note=f"cut short: {limits.why_hurry}" if hurried else "",
    )


class _Masked:
    """What a child prints, on its way to the file."""

    def __init__(self, file: OutputFile, *, binary: bool) -> None:
        self._file = file
        self._mask = None if binary else LineMask()
        self._first = b""

    def take(self, piece: bytes) -> None:
        self._first = self._first or piece
        self._file.write(self._mask.feed(piece) if self._mask else piece)

    def finish(self) -> bool:
        """Write what is left; whether the file had no room for it."""
        try:
            self._file.write(self._mask.finish() if self._mask else b"")
        except FullError:
            return True
        return False

    def starts_with(self, text: bytes) -> bool:
        return bool(text) and self._first.startswith(text)


def _status(ended: Ended, *, full: bool, failed: bool) -> Status:
    if ended.exit_status is None:
        return Status.ABANDONED
    if ended.timed_out:
        return Status.TIMED_OUT
    if full:
        return Status.TRUNCATED
    return Status.FAILED if failed else Status.OK


def _source(action: Action, argv: tuple[str, ...], status: Status, note: str = "") -> Source:
    command = tuple(mask_text(argument) for argument in argv)
    return not_run(action.name, action.file, command, status, note)


def _with_file(source: Source, action: Action, file: OutputFile, digest: str) -> Source:
    # With Keep.END nobody was stopped: that the start is gone shows only now.
    cut = file.truncated and action.keep is Keep.END and source.status is Status.OK
    return replace(
        source,
        status=Status.TRUNCATED if cut else source.status,
        truncated=file.truncated,
        note=source.note or (file.note if file.truncated else ""),
        bytes=file.size,
        sha256=digest,
    )


def _say(action: Action, file: OutputFile, line: str) -> None:
    """A line of ours in an action's file; there may be no room for it."""
    if not action.binary:
        with suppress(FullError):
            file.write(f"{line}\n".encode(errors="replace"))
