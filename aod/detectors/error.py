"""Error: operations that failed, judged by NTSTATUS, command and errno."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from aod.detectors.api import Finding, Frame, Rule, Settings, finished
from aod.detectors.lists import CODES, COMMANDS, list_faults, selection_doubts, selection_faults
from aod.detectors.verdicts import Verdicts
from aod.event import Events
from aod.kernel.thresholds import Mask, Thresholds
from aod.settings import Mode
from aod.smb import errors, ntstatus
from aod.smb.commands import Command


class Error(Settings, frozen=True):
    """Operations that failed, by errno and NTSTATUS."""

    tool: Literal["smbiosnoop"] = "smbiosnoop"
    mode: Mode = Mode.ALL
    track_codes: tuple[str, ...] = ()
    exclude_codes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    """Only failures of these count; none = of all."""

    def rule(self, frame: Frame) -> "ErrorRule":
        verdicts = Verdicts.of(
            tracked=self.track_codes,
            excluded=self.exclude_codes if self.mode is Mode.EXCLUDEONLY else (),
            by_default=self.mode is not Mode.TRACKONLY,
        )
        return ErrorRule(frame, self, verdicts)

    def faults(self) -> Iterator[Finding]:
        tracked = ("track_codes", self.track_codes)
        yield from selection_faults(
            CODES, self.mode, tracked, ("exclude_codes", self.exclude_codes)
        )
        yield from list_faults(COMMANDS, "commands", self.commands)

    def doubts(self) -> Iterator[Finding]:
        yield from selection_doubts(self.mode, "exclude_codes", self.exclude_codes)


class ErrorRule(Rule):
    """When a failed operation counts."""

    noun = "failed operations"

    def __init__(self, frame: Frame, settings: Error, verdicts: Verdicts):
        super().__init__(frame)
        self.settings = settings
        self.verdicts = verdicts
        self._commands = np.array([Command[name] for name in settings.commands], np.uint8)

    def matches(self, events: Events) -> Mask:
        """Most operations succeed: the tables are for the few that did not."""
        found: Mask = events["error"] != 0
        few = np.flatnonzero(found)
        if few.size == 0:
            return found
        command = events["command"][few]
        counts = self.verdicts.count(events["status"][few], command, events["error"][few])
        counts &= finished(events["flags"][few])
        if self._commands.size:
            counts &= np.isin(command, self._commands)
        found[few] = counts
        return found

    def knobs(self) -> Thresholds:
        return Thresholds(errnos=self.verdicts.possible_errnos())

    def described(self) -> Iterator[tuple[str, str]]:
        settings = self.settings
        tracked = ", ".join(map(_code, settings.track_codes))
        if settings.mode is Mode.TRACKONLY:
            yield "counted", tracked
        else:
            yield "counted", "every failed operation but those left out here"
            if tracked:
                yield "", f"always {tracked}"
        if settings.commands:
            yield "of", ", ".join(settings.commands)
        if settings.mode is Mode.EXCLUDEONLY and settings.exclude_codes:
            yield "left out", ", ".join(map(_code, settings.exclude_codes))
        yield from self._benign()

    def _benign(self) -> Iterator[tuple[str, str]]:
        """The benign statuses, those with the same commands together."""
        codes = self.settings.track_codes
        vague = [code for code in codes if errors.NUMBERS.get(code) in errors.VAGUE]
        if self.settings.mode is not Mode.TRACKONLY:
            yield "left out", "what is no failure, unless in track_codes:"
        elif vague:
            yield "left out", f"what is no failure, even as {' or '.join(vague)}:"
        else:
            return
        tracked = {ntstatus.NUMBERS.get(code) for code in codes}
        grouped: dict[frozenset[Command], list[str]] = {}
        for status, commands in ntstatus.BENIGN.items():
            if status not in tracked:
                grouped.setdefault(commands, []).append(ntstatus.NAMES[status])
        for commands, names in grouped.items():
            to = ", ".join(command.name for command in sorted(commands))
            where = "" if len(commands) == len(Command) else f" (in answers to {to})"
            yield "", ", ".join(names) + where


def _code(name: str) -> str:
    if name in errors.NUMBERS:
        return f"{name} ({errors.NUMBERS[name]})"
    return f"{name} (0x{ntstatus.NUMBERS[name]:08X})"
