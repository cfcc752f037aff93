"""The parent's side of redaction: a child redacts a filled folder, one folder after the other.

The redacted files lie in a folder within the filled one, which stays as it is until the bundle is
sealed: after a death all of it is redacted anew, so no bundle ever has two pseudonyms for one name.

Where redaction fails, all files that may hold names are left out, and the manifest reports it: a
bundle that was to be redacted is never sealed as it was."""

import asyncio
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from aod.actions import process
from aod.actions.result import Source
from aod.anomaly import Anomaly
from aod.bundles import contents
from aod.bundles.manifest import Manifest
from aod.bundles.redact.folder import DONE, DRAFT, NAMELESS, Draft
from aod.files import FOLDER_MODE, create, sha256

TIMEOUT_SEC: Final = 120.0
"""25 MB take some seconds, on a busy host some more."""
_FAILED: Final = "redaction failed"


class RedactionError(Exception):
    """A folder could not be redacted; the text says why, without names."""


async def apply(
    folder: Path, manifest: Manifest, anomaly: Anomaly, turn: asyncio.Lock, *, headers_only: bool
) -> tuple[Path, Manifest, Anomaly]:
    """Redact all files of a folder, and what the manifest and anomaly.json are made from.

    Returns the folder of the redacted files with them.

    Args:
        turn: one bundle at a time: each takes a processor, and up to a hundred megabytes.
        headers_only: the packets have no content of files: they are kept, with other addresses.

    Raises:
        OSError: what cannot be redacted cannot be removed either."""
    draft = Draft(manifest, replace(anomaly, evidence=b""))
    try:
        await asyncio.to_thread(_prepare, folder, draft)
        async with turn:
            await _run(folder, headers_only=headers_only)
        redacted = await asyncio.to_thread(_completed, folder)
    except (RedactionError, OSError, msgspec.MsgspecError) as error:
        why = str(error) if isinstance(error, RedactionError) else type(error).__name__
        redacted = await asyncio.to_thread(_withheld, folder, draft, why)
    return folder / DONE, *redacted


def _prepare(folder: Path, draft: Draft) -> None:
    _clear(folder)
    with create(folder / DRAFT) as file:
        file.write(msgspec.json.encode(draft))


def _clear(folder: Path) -> None:
    (folder / DRAFT).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        shutil.rmtree(folder / DONE)


async def _run(folder: Path, *, headers_only: bool) -> None:
    options = ("--headers-only",) if headers_only else ()
    argv = (sys.executable, "-I", "-m", "aod.bundles.redact", str(folder), *options)
    try:
        ended = await process.run(argv, lambda _: None, TIMEOUT_SEC)
    except process.StartError as error:
        raise RedactionError("its program could not be started") from error
    if ended.timed_out:
        raise RedactionError(f"it took longer than {TIMEOUT_SEC:g} s")
    if ended.exit_status != 0:
        raise RedactionError(f"its program ended with {ended.exit_status}")


def _completed(folder: Path) -> tuple[Manifest, Anomaly]:
    """What the child has made, with the files that need no redaction."""
    done = folder / DONE
    draft = msgspec.json.decode((done / DRAFT).read_bytes(), type=Draft)
    _add_the_rest(folder, draft.anomaly)
    sources = tuple(_with_file(source, done, draft.left_out) for source in draft.manifest.sources)
    return replace(draft.manifest, sources=sources), draft.anomaly


def _add_the_rest(folder: Path, anomaly: Anomaly) -> None:
    for name in NAMELESS:
        with suppress(FileNotFoundError):
            os.link(folder / name, folder / DONE / name, follow_symlinks=False)
    with create(folder / DONE / contents.ANOMALY) as file:
        file.write(contents.anomaly_json(anomaly))


def _with_file(source: Source, folder: Path, left_out: dict[str, str]) -> Source:
    path = folder / source.file
    if not source.sha256 or not source.file:
        return source
    if source.file in left_out or not path.is_file():
        notes = source.note, left_out.get(source.file, "left out by redaction")
        return replace(source, bytes=0, sha256="", note="; ".join(filter(None, notes)))
    return replace(source, bytes=path.stat().st_size, sha256=sha256(path))


def _withheld(folder: Path, draft: Draft, why: str) -> tuple[Manifest, Anomaly]:
    """Without anything that may hold names."""
    _clear(folder)
    (folder / DONE).mkdir(FOLDER_MODE)
    manifest, left_out = draft.manifest, f"left out: {_FAILED}"
    anomaly = replace(
        draft.anomaly,
        reason=left_out,
        worst=tuple(replace(one, share="") for one in draft.anomaly.worst),
        ended=tuple(replace(one, share="") for one in draft.anomaly.ended),
        breakdown=replace(draft.anomaly.breakdown, trees=()),
    )
    _add_the_rest(folder, anomaly)
    sources = (
        replace(source, command=(), stderr_tail="", bytes=0, sha256="", note=left_out)
        for source in manifest.sources
    )
    failed = f"{_FAILED}: {why}; all files that may hold names are missing"
    note = "; ".join(filter(None, (manifest.note, failed)))
    return replace(manifest, host="", mounts=(), sources=tuple(sources), note=note), anomaly
