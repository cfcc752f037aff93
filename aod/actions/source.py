"""One action: its commands on this host, run one after the other into its file."""

import asyncio
import hashlib
import time
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from aod.actions import process
from aod.actions.children import Children
from aod.actions.mask import LineMask, mask, mask_text
from aod.actions.output import FullError, Keep, OutputFile
from aod.actions.process import Ended
from aod.actions.resolve import MissingError, Situation, commands
from aod.actions.table import Action
from aod.manifest import Source, Status, not_run, utc_now


class Limits(Struct, frozen=True):
    """What is allowed a single action; its row may ask for less."""

    timeout_sec: float
    max_bytes: int
    hurry: asyncio.Future[None] | None = None
    """Done: what runs is ended now, and what it has printed has to do."""
    children: Children | None = None
    """Told of every child."""

    @property
    def in_a_hurry(self) -> bool:
        return self.hurry is not None and self.hurry.done()


async def collect_action(
    action: Action, folder: Path, situation: Situation, limits: Limits
) -> list[Source]:
    """Run an action; its file is there afterwards, whatever happened to its commands.

    Raises:
        OSError: the file cannot be written.
    """
    path = folder / action.file
    file = OutputFile(path, min(action.max_bytes, limits.max_bytes), action.keep)
    try:
        sources = await _run_commands(action, situation, file, limits)
    finally:
        file.close()
    digest = await asyncio.to_thread(_sha256, path)
    return [_with_file(source, action, file, digest) for source in sources]


async def _run_commands(
    action: Action, situation: Situation, file: OutputFile, limits: Limits
) -> list[Source]:
    try:
        argvs = commands(action, situation)
    except MissingError as error:
        _remark(file, f"not collected: {error}")
        argv = (*action.argv, *action.paths)
        return [_source(action, argv, Status.MISSING, note=str(error))]
    deadline = time.monotonic() + min(action.timeout_sec, limits.timeout_sec)
    sources = []
    for left, argv in zip(range(len(argvs), 0, -1), argvs, strict=True):
        # An equal share of what is left: a mount that hangs does not use up the others' time.
        share = max(0.0, deadline - time.monotonic()) / left
        share_of_limits = replace(limits, timeout_sec=share)
        sources.append(await _run(action, argv, file, share_of_limits))
    return sources


async def _run(action: Action, argv: tuple[str, ...], file: OutputFile, limits: Limits) -> Source:
    """Run one command, unless it would be in vain; for no longer than `limits.timeout_sec`."""
    if argv in process.hanging():
        note = "not run: an earlier one still hangs in the kernel"
        _remark(file, note)
        return _source(action, argv, Status.ABANDONED, note=note)
    if limits.in_a_hurry:
        return _source(action, argv, Status.TIMED_OUT, note="not run: aod was stopping")
    started, clock = utc_now(), time.monotonic()
    source = await _run_child(action, argv, file, limits)
    duration_sec = round(time.monotonic() - clock, 6)
    if action.each_mount and source.status is not Status.OK:
        _remark(file, f"{source.status} after {duration_sec:.1f} s {source.note}".rstrip())
    return replace(source, started=started, duration_sec=duration_sec)


async def _run_child(
    action: Action, argv: tuple[str, ...], file: OutputFile, limits: Limits
) -> Source:
    output = _Masked(file)
    try:
        if action.each_mount:
            file.write(mask_text(f"==> {' '.join(argv)} <==\n").encode())
        ended = await process.run(
            argv, output.take, limits.timeout_sec, limits.hurry, limits.children
        )
    except FullError:
        return _source(action, argv, Status.TRUNCATED, note="not run: the file is full")
    except process.StartError as error:
        return _source(action, argv, Status.FAILED, note=str(error))
    full = output.finish() or ended.enough
    failed = bool(ended.exit_status) or output.starts_with(action.error_text)
    return replace(
        _source(action, argv, _status(ended, full=full, failed=failed)),
        exit_status=ended.exit_status,
        timed_out=ended.timed_out,
        stderr_tail=mask(ended.stderr_tail).decode(errors="replace"),
        note="cut short: aod was stopping" if ended.timed_out and limits.in_a_hurry else "",
    )


class _Masked:
    """What a child prints, on its way to the file."""

    def __init__(self, file: OutputFile) -> None:
        self._file = file
        self._mask = LineMask()
        self._first = b""

    def take(self, piece: bytes) -> None:
        self._first = self._first or piece
        self._file.write(self._mask.feed(piece))

    def finish(self) -> bool:
        """Write what is left; whether the file had no room for it."""
        try:
            self._file.write(self._mask.finish())
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
        bytes=file.size,
        sha256=digest,
    )


def _remark(file: OutputFile, text: str) -> None:
    """A word of ours in an action's file; there may be no room for it."""
    with suppress(FullError):
        file.write(f"aod: {text}\n".encode(errors="replace"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
