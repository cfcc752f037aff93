"""aod status: ask a running daemon."""

import argparse
import os
import time
from typing import Final

import msgspec

from aod.cli.exits import CLEAN, OTHER, StatusError
from aod.cli.options import add_common, default_file
from aod.config.load import load
from aod.config.schema import Config
from aod.status import metrics, text
from aod.status.gather import gather
from aod.status.model import Status, unhealthy
from aod.transport.position import EventLogError

SHORT: Final = "is it running, healthy, and do the sums hold"
LONG: Final = (
    "Print the daemon's status, from the kernel's counters to the bundles. Exit code 0: it runs and"
    " is healthy; 1: it is not, and the last lines say why."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """-c, --version, --json or --metrics."""
    add_common(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    form.add_argument("--metrics", action="store_true", help="for Prometheus, in its text format")


def run(arguments: argparse.Namespace) -> int:
    """Print it; 1 if the daemon is not healthy."""
    found = _gathered(load(arguments.config or default_file()).config)
    if arguments.metrics:
        print(metrics.render(found), end="")
    elif arguments.json:
        print(msgspec.json.encode(found).decode())
    else:
        print(text.render(found))
    return OTHER if unhealthy(found, time.monotonic_ns()) else CLEAN


def _gathered(config: Config) -> Status:
    """Raises StatusError: no daemon runs here, or only root may look at it."""
    try:
        return gather(config.runtime_dir, config)
    except (OSError, EventLogError) as error:
        if not os.access(config.runtime_dir, os.F_OK):
            why = f"no daemon runs here: there is no {config.runtime_dir}; `systemctl start aod`"
        elif os.geteuid():
            why = f"only root may look at the daemon: {error}; try `sudo aod status`"
        else:
            why = f"no daemon runs here: {error}; `systemctl start aod`"
        raise StatusError(f"unhealthy: {why}") from error
