"""aod-supervisor: the daemon, in the foreground."""

import argparse
from collections.abc import Sequence

from aod import log
from aod.cli.exits import CLEAN, UsageError, guarded
from aod.cli.options import (
    add_common,
    add_simulate_drops,
    default_file,
    load_with_warnings,
    warn_of_faults,
)
from aod.config import summary
from aod.config.load import load
from aod.host import preflight
from aod.supervision import folders, teardown
from aod.supervision.supervisor import Supervisor
from aod.transport.wire import STAGES


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aod-supervisor",
        description="Watch SMB/CIFS traffic and capture a bundle of evidence for every incident.",
        epilog="exit codes: 0 clean, 2 usage or configuration, 3 this kernel cannot do it, 1 other",
    )
    add_common(parser)
    parser.add_argument("--check", action="store_true", help="print what is watched, and exit")
    text = "remove what a dead daemon left in the kernel and in the runtime folder, and exit"
    parser.add_argument("--clean", action="store_true", help=text)
    text = f"leave a stage out, to run it with aod-stage: {', '.join(STAGES)}"
    parser.add_argument(
        "--without", action="append", default=[], choices=STAGES, metavar="STAGE", help=text
    )
    add_simulate_drops(parser)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    if arguments.simulate_drops and "collect" in arguments.without:
        raise UsageError("--simulate-drops needs collect: give it to aod-stage collect")
    if arguments.clean:
        teardown.clean(load(arguments.config or default_file()).config, log.ROOT)
        return CLEAN
    loaded = load_with_warnings(arguments.config)
    if arguments.check:
        print(summary.render(loaded))
        return CLEAN
    warn_of_faults(loaded.config)
    preflight.check(loaded.config.pin_dir)
    folders.prepare(loaded.config, log.ROOT)
    return Supervisor(loaded.config, arguments.without, loaded.path, arguments.simulate_drops).run()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    arguments = _parser().parse_args(argv)
    return guarded(lambda: _run(arguments))
