"""aod record: store live operations in a file, to be replayed."""

import argparse
from pathlib import Path
from typing import Final

from aod.cli.exits import CLEAN, catch_stop
from aod.cli.options import add_common, duration, load_with_warnings, warn_of_faults
from aod.host import preflight
from aod.recording.recorder import Recorded, record

SHORT: Final = "store live operations, to be replayed"
LONG: Final = "Store every operation in FILE until Ctrl-C, beside a running daemon or without one."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE and the options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a new file, for its owner alone")
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    text = "how long (default: until Ctrl-C, SIGTERM)"
    parser.add_argument("--seconds", type=duration, metavar="N", help=text)
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Record, and print how much it was."""
    loaded = load_with_warnings(arguments.config)
    warn_of_faults(loaded.config)
    preflight.check(loaded.config.pin_dir)
    done = record(
        loaded,
        arguments.file,
        replace=arguments.force,
        seconds=arguments.seconds,
        stopping=catch_stop(),
    )
    print(render(arguments.file, done), flush=True)
    return CLEAN


def render(path: Path, done: Recorded) -> str:
    """`records.aod: 1,234 records in 10.0 s, none dropped; 12.3 KiB`"""
    dropped = f"{done.dropped:,} DROPPED" if done.dropped else "none dropped"
    size = f"{done.size_bytes / 1024:,.1f} KiB"
    return f"{path}: {done.records:,} records in {done.seconds:.1f} s, {dropped}; {size}"
