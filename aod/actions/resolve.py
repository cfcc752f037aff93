"""From an action to its command lines on this host, at this moment."""

import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from aod.actions.action import Action, Command
from aod.actions.result import Mount
from aod.config.rules import packets_folder
from aod.config.schema import Config
from aod.detectors.api import nanoseconds
from aod.flight import trace
from aod.host.children import environment

_NS: Final = 10**9


class Situation(Struct, frozen=True):
    """What commands depend on."""

    folder: Path
    """Of the bundle."""
    timestamp_ns: int
    """The anomaly's, since the epoch."""
    config: Config
    mounts: tuple[Mount, ...] = ()


class Step(Struct, frozen=True):
    """One command line, or what is missing on this host."""

    argv: tuple[str, ...]
    missing: str = ""
    error_text: bytes = b""
    asked: tuple[str, ...] = ()
    """The command before the moment was filled in: the same in every bundle."""


class _MissingError(Exception):
    """The host does not have what a command needs; the text says what."""


def steps(action: Action, situation: Situation) -> list[Step]:
    """What to run for an action, and what cannot be run; at least one."""
    known = placeholders(situation, time.time_ns())
    missing = _unmet(action.needs, _filled(action.needs, known))
    found: list[Step] = []
    for command in action.commands:
        argv = _filled(command.argv, known)
        try:
            if missing:
                raise _MissingError(missing)
            if shutil.which(argv[0], path=environment()["PATH"]) is None:
                raise _MissingError(f"{argv[0]}: no such program in PATH")
            found += [
                Step((*argv, *at), "", command.error_text, (*command.argv, *at))
                for at in _places(command, situation)
            ]
        except _MissingError as error:
            found.append(Step((*argv, *command.paths), str(error)))
    return found


def placeholders(situation: Situation, now_ns: int) -> Mapping[str, str]:
    """The words that a row may have in braces. Times are since the epoch: `since` and `until` in
    whole seconds (the look-back before the trigger, and now), the others in ns (the trigger, the
    history before it, and the end of what follows it or now)."""
    limits, timestamp_ns = situation.config.capture, situation.timestamp_ns
    return {
        "since": str((timestamp_ns - _ns(limits.lookback_sec)) // _NS),
        "until": str(now_ns // _NS + 1),
        "trigger_ns": str(timestamp_ns),
        "from_ns": str(timestamp_ns - _ns(limits.history_sec)),
        "to_ns": str(min(timestamp_ns + _ns(limits.post_sec), now_ns)),
        "packets": str(packets_folder(situation.config)),
        "trace": trace.where(situation.config.pin_dir),
        "headers_only": "yes" if limits.tcpdump.headers_only else "no",
        "python": sys.executable,
    }


def _ns(seconds: float) -> int:
    return nanoseconds(seconds * 1e3)


def _filled(words: Sequence[str], known: Mapping[str, str]) -> tuple[str, ...]:
    def fill(word: str) -> str:
        for name, value in known.items():
            word = word.replace("{" + name + "}", value)
        return word

    return tuple(map(fill, words))


def _unmet(needs: Sequence[str], paths: Sequence[str]) -> str:
    """What is missing of the needs of a row, which come to these paths; empty: nothing."""
    missing = []
    for need, path in zip(needs, paths, strict=True):
        if not path or not Path(path).exists():
            recorded = " (only a running daemon that is configured for it records it)"
            missing.append(f"{path or need}: not there{recorded if '{' in need else ''}")
    return "; ".join(missing)


def _places(command: Command, situation: Situation) -> Iterator[tuple[str, ...]]:
    """What to run a command on, once for each."""
    if command.each_mount:
        if not situation.mounts:
            raise _MissingError("no cifs file system is mounted")
        yield from ((mount.mount_point,) for mount in situation.mounts)
    elif command.paths:
        found = next((path for path in command.paths if Path(path).is_file()), None)
        if found is None:
            raise _MissingError(f"{' and '.join(command.paths)}: no such file")
        yield (found,)
    else:
        yield ()
