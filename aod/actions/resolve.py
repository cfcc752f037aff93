"""From an action to its command lines on this host, at this moment."""

import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from aod.actions.action import Action, Command
from aod.actions.mounts import Target
from aod.config.rules import packets_folder
from aod.config.schema import Config
from aod.detectors.api import nanoseconds
from aod.flight import trace
from aod.host.children import environment
from aod.host.clock import NO_SPREAD, Spread

_NS: Final = 10**9


class Situation(Struct, frozen=True):
    """What commands depend on."""

    folder: Path
    """Of the bundle."""
    timestamp_ns: int
    """The anomaly's, since the epoch."""
    config: Config
    targets: tuple[Target, ...] = ()
    spread: Spread = NO_SPREAD
    """What steps of the clock do to spans of time."""


class Step(Struct, frozen=True):
    """One command line, or what is missing on this host."""

    argv: tuple[str, ...]
    missing: str = ""
    error_text: bytes = b""
    asked: tuple[str, ...] = ()
    """The command before the moment was filled in: the same in every bundle."""
    errors_are_note: bool = False
    nothing_text: str = ""
    group: str = ""
    """The server that it asks; none, where it does not."""
    why_not: str = ""
    """Why that is not asked."""
    caveat: str = ""
    """What may be the cause when it fails."""


def steps(action: Action, situation: Situation) -> list[Step]:
    """What to run for an action, and what cannot be run; at least one."""
    known = placeholders(situation, time.time_ns())
    recorded = " (only a running daemon that is configured for it records it)"
    missing = "; ".join(
        f"{path or need}: not there{recorded if '{' in need else ''}"
        for need, path in zip(action.needs, _filled(action.needs, known), strict=True)
        if not path or not Path(path).exists()
    )
    found: list[Step] = []
    for command in action.commands:
        argv = _filled(command.argv, known)
        there = shutil.which(argv[0], path=environment()["PATH"])
        if why := missing or ("" if there else f"{argv[0]}: no such program in PATH"):
            found.append(Step((*argv, *command.paths), why))
        elif command.each_mount:
            found += _each_mount(argv, command, situation)
        else:
            found.append(_once(argv, command))
    return found


def placeholders(situation: Situation, now_ns: int) -> Mapping[str, str]:
    """The words that a row may have in braces. Times are since the epoch: `since` and `until` in
    whole seconds (the look-back before the trigger, and now), the others in ns (the trigger, the
    history before it, and the end of what follows it or now).

    Where the clock was set, spans are wide enough for what either clock calls so."""
    limits, timestamp_ns = situation.config.capture, situation.timestamp_ns
    spread = situation.spread
    start_ns, end_ns = timestamp_ns + spread.earlier_ns, now_ns + spread.later_ns
    post_ns = nanoseconds(limits.post_sec * 1e3)
    ports = limits.tcpdump.ports
    return {
        "since": str((start_ns - nanoseconds(limits.lookback_sec * 1e3)) // _NS),
        "until": str(end_ns // _NS + 1),
        "trigger_ns": str(timestamp_ns),
        "from_ns": str(start_ns - nanoseconds(limits.history_sec * 1e3)),
        "to_ns": str(min(timestamp_ns + post_ns, now_ns) if spread.is_none else end_ns),
        "packets": str(packets_folder(situation.config)),
        "trace": trace.where(situation.config.pin_dir),
        "headers_only": "yes" if limits.tcpdump.headers_only else "no",
        "ports": ",".join(map(str, ports)),
        "of_ports": " or ".join(f"{end} = :{port}" for port in ports for end in ("dport", "sport")),
        "python": sys.executable,
    }


def _filled(words: Sequence[str], known: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        re.sub(r"\{(\w+)\}", lambda braced: known.get(braced[1], braced[0]), word) for word in words
    )


def _each_mount(argv: tuple[str, ...], command: Command, situation: Situation) -> list[Step]:
    return [
        Step(
            argv=(*argv, target.path),
            error_text=command.error_text,
            asked=(*command.argv, target.path),
            group="" if target.why_not else target.server,
            why_not=target.why_not,
            caveat=target.caveat,
        )
        for target in situation.targets
    ] or [Step(argv, "no cifs file system is mounted")]


def _once(argv: tuple[str, ...], command: Command) -> Step:
    at = tuple(path for path in command.paths if Path(path).is_file())[:1]
    if command.paths and not at:
        return Step((*argv, *command.paths), f"{' and '.join(command.paths)}: no such file")
    return Step(
        (*argv, *at),
        error_text=command.error_text,
        asked=(*command.argv, *at),
        errors_are_note=command.errors_are_note,
        nothing_text=command.nothing_text,
    )
