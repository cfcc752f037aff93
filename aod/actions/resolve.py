"""From a row to the commands that it comes to on this host, at this moment."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from aod.actions.process import environment
from aod.actions.table import LOOKBACK_SEC, Action
from aod.manifest import Mount


class Situation(Struct, frozen=True):
    """What commands depend on."""

    timestamp_ns: int
    """The anomaly's, since the epoch."""
    mounts: tuple[Mount, ...]


class MissingError(Exception):
    """The host does not have what an action needs; the text says what."""


def commands(action: Action, situation: Situation) -> list[tuple[str, ...]]:
    """The commands to run, at least one.

    Raises:
        MissingError: no such program, none of the files, or no cifs mount.
    """
    if shutil.which(action.argv[0], path=environment()["PATH"]) is None:
        raise MissingError(f"{action.argv[0]}: no such program in PATH")
    since = situation.timestamp_ns // 10**9 - LOOKBACK_SEC
    argv = tuple(argument.replace("{since}", str(since)) for argument in action.argv)
    if action.each_mount:
        return [(*argv, mount.mount_point) for mount in _some(situation.mounts)]
    if action.paths:
        return [(*argv, _first_that_exists(action.paths))]
    return [argv]


def _some(mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    if not mounts:
        raise MissingError("no cifs file system is mounted")
    return mounts


def _first_that_exists(paths: Sequence[str]) -> str:
    for path in paths:
        if Path(path).is_file():
            return path
    raise MissingError(f"{' and '.join(paths)}: no such file")
