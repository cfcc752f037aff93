"""Error: operations that failed, judged by NTSTATUS, command and errno.

The server's NTSTATUS goes before the client's errno, and tracked before excluded:

1. a status named in `track_codes` counts, one named in `exclude_codes` does not;
2. an errno named in `track_codes` counts. EIO and EACCES (`errors.VAGUE`) do not reach a benign
   status: who tracks EIO does not mean the steps of a logon;
3. an errno named in `exclude_codes` does not count, nor does a benign status (`ntstatus.BENIGN`);
4. what is left counts, unless the mode is trackonly."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from aod.detectors.api import Finding, Frame, Rule, Settings, finished
from aod.detectors.lists import CODES, COMMANDS, list_faults, selection_doubts, selection_faults
from aod.event import COMMANDS as COMMAND_NUMBERS
from aod.event import ERRNO_LIMIT, Events
from aod.kernel.thresholds import Mask, Thresholds
from aod.settings import Mode
from aod.smb import errors, ntstatus
from aod.smb.commands import Command

# What is known about one status in the answer to one command.
BY_ERRNO, COUNTS, IGNORED, BENIGN = range(4)


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Lookup tables: status and command, then errno -> whether the operation counts."""

    statuses: NDArray[np.uint32]
    """(s,), sorted: the statuses about which something is known."""
    by_status: NDArray[np.int8]
    """(s + 1, 32): row of the status, command; the last row is for all other statuses."""
    counts: Mask
    """(4, 4096): what is known about the status, errno."""

    @classmethod
    def of(cls, *, tracked: tuple[str, ...], excluded: tuple[str, ...], by_default: bool) -> Self:
        """The tables for these names of errno and NTSTATUS; names of neither are passed over."""
        rows = {status: np.full(COMMAND_NUMBERS, BY_ERRNO, np.int8) for status in ntstatus.BENIGN}
        for status, commands in ntstatus.BENIGN.items():
            rows[status][list(commands)] = BENIGN
        for verdict, codes in ((IGNORED, excluded), (COUNTS, tracked)):
            for number in _numbers(codes, ntstatus.NUMBERS):
                rows[number] = np.full(COMMAND_NUMBERS, verdict, np.int8)
        counts = np.zeros((4, ERRNO_LIMIT), np.bool_)  # rules 2 to 4 above
        counts[COUNTS] = True
        counts[BY_ERRNO] = by_default
        counts[BY_ERRNO, _numbers(excluded, errors.NUMBERS)] = False
        for number in _numbers(tracked, errors.NUMBERS):
            counts[BY_ERRNO, number] = True
            counts[BENIGN, number] = number not in errors.VAGUE
        statuses = sorted(rows)
        others = np.full(COMMAND_NUMBERS, BY_ERRNO, np.int8)
        return cls(
            statuses=np.array(statuses, np.uint32),
            by_status=np.stack([*(rows[status] for status in statuses), others]),
            counts=counts,
        )

    def count(
        self, status: NDArray[np.uint32], command: NDArray[np.uint8], error: NDArray[np.int16]
    ) -> Mask:
        """(n,): which of n failed operations count; `error` is -errno, all three are (n,)."""
        row = np.searchsorted(self.statuses, status)
        row[self.statuses.take(row, mode="clip") != status] = len(self.statuses)
        number = np.minimum(np.abs(error.astype(np.int32)), ERRNO_LIMIT - 1)
        verdict = self.by_status[row, np.minimum(command, COMMAND_NUMBERS - 1)]
        found: Mask = self.counts[verdict, number]
        return found

    def possible_errnos(self) -> Mask:
        """(4096,): the errno with which some operation counts, whatever its status.

        Which errno a status becomes differs between kernels, so tables that track one status
        expect it under any errno."""
        possible: Mask = np.logical_or.reduce(self.counts[np.unique(self.by_status)])
        possible[0] = False
        return possible


def _numbers(codes: tuple[str, ...], known: Mapping[str, int]) -> list[int]:
    return [known[code] for code in codes if code in known]


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
        excluded = ("exclude_codes", self.exclude_codes)
        yield from selection_faults(CODES, self.mode, tracked, excluded)
        yield from list_faults(COMMANDS, "commands", self.commands)

    def doubts(self) -> Iterator[Finding]:
        yield from selection_doubts(self.mode, "exclude_codes", self.exclude_codes)


@dataclass(eq=False)
class ErrorRule(Rule):
    """When a failed operation counts."""

    noun = "failed operations"

    frame: Frame
    settings: Error
    verdicts: Verdicts

    def matches(self, events: Events) -> Mask:
        """Most operations succeed: the tables are for the few that did not."""
        found: Mask = events["error"] != 0
        few = np.flatnonzero(found)
        if few.size == 0:
            return found
        command = events["command"][few]
        counts = self.verdicts.count(events["status"][few], command, events["error"][few])
        counts &= finished(events["flags"][few])
        if self.settings.commands:
            counts &= np.isin(command, [Command[name] for name in self.settings.commands])
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
