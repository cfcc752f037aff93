"""How far a bundle has come: a hidden file in its work folder, one line per finished action.

A line is written when the action's file is complete. It survives the death of its writer, not that
of the host: nothing is synced. So a line counts only if the file still matches it; otherwise the
action runs again."""

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from aod.actions.result import Source
from aod.files import FILE_MODE, closing_fd, open_trusted, read_regular

FILE: Final = ".progress"
_MAX_BYTES: Final = 16 << 20


class Done(Struct, frozen=True, tag="done"):
    """An action has ended."""

    sources: tuple[Source, ...]


class TakenOver(Struct, frozen=True, tag="taken_over"):
    """Another maker continued it, after a death or a failure."""


_decoder: Final = msgspec.json.Decoder(Done | TakenOver)


@dataclass(slots=True)
class Progress:
    """What a work folder holds already, and what is added to it."""

    folder: Path
    kept: dict[str, tuple[Source, ...]] = field(default_factory=dict)
    """The sources of the actions that need not run again, by action."""
    interrupted: int = 0
    """How often the bundle was taken over."""

    def note(self, sources: Sequence[Source]) -> None:
        """An action has ended, with these sources. Raises OSError: it cannot be written."""
        self._append(Done(tuple(sources)))

    def take_over(self) -> None:
        """Continue what another maker began. Raises OSError: it cannot be written."""
        self.interrupted += 1
        self._append(TakenOver())

    def _append(self, line: Done | TakenOver) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        with closing_fd(os.open(self.folder / FILE, flags, FILE_MODE)) as fd:
            os.write(fd, b"\n" + msgspec.json.encode(line) + b"\n")


def read(folder: Path) -> Progress:
    """The progress of a folder; of a new one, none."""
    found, content = Progress(folder), b""
    with suppress(OSError, ValueError):
        content = read_regular(folder / FILE, _MAX_BYTES)
    for text in content.splitlines():
        with suppress(ValueError, RecursionError, msgspec.MsgspecError):  # its writer died in it
            line = _decoder.decode(text)
            if isinstance(line, TakenOver):
                found.interrupted += 1
            elif line.sources and all(_is_intact(folder, one) for one in line.sources):
                found.kept[line.sources[0].name] = line.sources
    return found


def _is_intact(folder: Path, source: Source) -> bool:
    path = folder / source.file
    with suppress(OSError, ValueError):
        if path.parent == folder:
            with open(open_trusted(path), "rb") as file:  # noqa: PTH123 (a descriptor)
                if os.fstat(file.fileno()).st_size == source.bytes:
                    return hashlib.file_digest(file, "sha256").hexdigest() == source.sha256
    return False
