"""aod-supervisor: the daemon, in the foreground."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aod import __version__, log
from aod.cli.exits import CLEAN, UsageError, guarded
from aod.config import summary as check
from aod.config.load import Loaded, load
from aod.detectors.registry import registry
from aod.host import preflight
from aod.supervision import folders, teardown
from aod.supervision.supervisor import Supervisor
from aod.transport.wire import STAGES

SYSTEM_FILE: Final = Path("/etc/aod/aod.yaml")
SOURCE_FILE: Final = Path(__file__).resolve().parents[2] / "conf" / "aod.yaml"


def default_file() -> Path:
    """The installed configuration, else the one of this source tree."""
    return SYSTEM_FILE if SYSTEM_FILE.exists() or not SOURCE_FILE.exists() else SOURCE_FILE


def add_common(parser: argparse.ArgumentParser) -> None:
    """What every command of ours takes."""
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        default=None,
        metavar="FILE",
        help=f"the configuration (default: {SYSTEM_FILE}, then conf/aod.yaml)",
    )
    parser.add_argument("--version", action="version", version=f"AODv2 {__version__}")


def add_simulate_drops(parser: argparse.ArgumentParser) -> None:
    """The same for whoever collects."""
    parser.add_argument(
        "--simulate-drops",
        type=_percent,
        default=0.0,
        metavar="PERCENT",
        help="lose this share of the records on purpose, and count them: to see what a loss looks "
        "like; for this run only",
    )


def _percent(text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = 0
    if not 0 < percent <= 100:
        raise argparse.ArgumentTypeError(
            f"{text} is no share; allowed: a number above 0, up to 100, such as 5 or 0.1"
        )
    return percent


def load_with_warnings(path: Path | None) -> Loaded:
    """Load the configuration and log its warnings, and which anomaly types are left out.

    Raises:
        ConfigError: it is not valid.
    """
    loaded = load(path or default_file())
    for refusal in registry().refusals:
        log.ROOT.error("%s", refusal)
    for warning in loaded.warnings:
        log.ROOT.warning("%s", warning)
    return loaded


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aod-supervisor",
        description="Watch SMB/CIFS traffic and capture a bundle of evidence for every incident.",
        epilog="exit codes: 0 clean, 2 usage or configuration, 3 this kernel cannot do it, 1 other",
    )
    add_common(parser)
    parser.add_argument("--check", action="store_true", help="say what will be watched, and exit")
    parser.add_argument(
        "--clean",
        action="store_true",
        help="remove what a dead daemon left in the kernel and in the runtime folder, and exit",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=STAGES,
        metavar="STAGE",
        help=f"leave a stage out, to run it with aod-stage: {', '.join(STAGES)}",
    )
    add_simulate_drops(parser)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    if arguments.simulate_drops and "collect" in arguments.without:
        raise UsageError("--simulate-drops is for who collects: give it to aod-stage collect")
    if arguments.clean:
        teardown.clean(load(arguments.config or default_file()).config, log.ROOT)
        return CLEAN
    loaded = load_with_warnings(arguments.config)
    if arguments.check:
        print(check.render(loaded))
        return CLEAN
    preflight.check(loaded.config.pin_dir)
    folders.prepare(loaded.config, log.ROOT)
    return Supervisor(loaded.config, arguments.without, loaded.path, arguments.simulate_drops).run()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    arguments = _parser().parse_args(argv)
    return guarded(lambda: _run(arguments))
