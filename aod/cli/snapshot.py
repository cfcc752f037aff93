"""aod snapshot: ask the running daemon for a bundle of everything configured, now."""

import argparse
import time
from pathlib import Path
from typing import Final

from aod.audit.log import why_no_bundle
from aod.capture import snapshot
from aod.capture.snapshot import SnapshotError
from aod.cli.exits import CLEAN
from aod.cli.options import add_common, default_file, duration
from aod.config.load import load
from aod.config.schema import Config
from aod.state import lock, names
from aod.state.spool import SpoolError

SHORT: Final = "make a bundle of everything configured, now"
LONG: Final = (
    "Ask the running daemon for a bundle although nothing was declared: every action that any"
    " anomaly has. Prints its path. Exit code 1: there is none (yet), and why."
)
WAIT_SEC: Final = 60.0
_POLL_SEC: Final = 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--wait, -c."""
    add_common(parser)
    text = f"until the bundle is sealed, at most so long (default {WAIT_SEC:g})"
    parser.add_argument(
        "--wait", type=duration, nargs="?", const=WAIT_SEC, metavar="SEC", help=text
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the bundle's path, at once, or when it is sealed."""
    config = load(arguments.config or default_file()).config
    if lock.holder(config.runtime_dir) is None:
        raise SnapshotError(
            f"no aod-supervisor runs in {config.runtime_dir}, or only root may see it; "
            "without one, `aod-stage capture --now NAME` makes a bundle"
        )
    try:
        timestamp = snapshot.request(config, "a person asked for it with `aod snapshot`")
    except (OSError, SpoolError) as error:
        raise SnapshotError(f"the daemon cannot be asked: {error}; run it as root") from error
    path = config.aod_output_dir / names.archive(timestamp)
    if arguments.wait is not None:
        _wait(config, timestamp, path, time.monotonic() + arguments.wait)
    print(path, flush=True)
    return CLEAN


def _wait(config: Config, timestamp: int, path: Path, deadline: float) -> None:
    while snapshot.is_waiting(config, timestamp):
        if lock.holder(config.runtime_dir) is None:
            raise SnapshotError(f"the daemon has stopped; its next start makes {path}")
        if time.monotonic() >= deadline:
            raise SnapshotError(f"not sealed in time; it will be {path}")
        time.sleep(_POLL_SEC)
    if not path.exists():  # the spool's entry is removed after the archive has its name
        raise SnapshotError(f"no {path}: {why_no_bundle(config, timestamp)}")
