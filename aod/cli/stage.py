"""aod-stage: one stage in the foreground, against a live pipeline or alone."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from aod import folders, preflight
from aod.cli.exits import CLEAN, UsageError, guarded
from aod.cli.stopping import stopping
from aod.cli.supervisor import add_common, load_with_warnings
from aod.config import Config
from aod.detectors.detector import Detector
from aod.event import EVENT_DTYPE, Events
from aod.peer_names import Names
from aod.rules import rules
from aod.stages.base import run_stage
from aod.stages.capture import capture_now
from aod.stages.cleanup import sweep
from aod.stages.printer import print_events
from aod.wire import STAGES, is_taken
from aod.workers import stage_run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aod-stage",
        description="Run one stage in the foreground: in the place of the one that a running "
        "aod-supervisor was started --without, or alone with the options below.",
    )
    stages = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    made = {name: stages.add_parser(name, help=_HELP[name]) for name in STAGES}
    for one in made.values():
        add_common(one)
    made["collect"].add_argument(
        "--print", action="store_true", help="print operations as they finish, beside any daemon"
    )
    made["detect"].add_argument(
        "--events",
        type=Path,
        metavar="FILE.npy",
        help="evaluate these records (a bundle's events.npy); each anomaly is a line of JSON",
    )
    made["capture"].add_argument(
        "--now", metavar="NAME", help="make a bundle with the actions of this anomaly, and exit"
    )
    made["cleanup"].add_argument("--once", action="store_true", help="clean up once, and exit")
    made["cleanup"].add_argument(
        "--dry-run", action="store_true", help="with --once: say what would go, delete nothing"
    )
    return parser


_HELP = {
    "collect": "from the kernel's ring into the event log",
    "detect": "from the event log to anomalies",
    "capture": "from an anomaly to a sealed bundle",
    "cleanup": "bundles that are too old or too many",
}


def _live(stage: str, config: Config) -> int:
    if is_taken(config.runtime_dir, stage):
        raise UsageError(
            f"{stage} runs already in {config.runtime_dir}: "
            f"start the daemon with aod-supervisor --without {stage}"
        )
    if stage == "collect":
        preflight.check(config)
    folders.prepare(config)
    return run_stage(stage, stage_run(stage), config, supervised=False)


def _print_events(config: Config) -> int:
    preflight.check(config)
    return print_events(config, stopping(), lambda line: print(line, flush=True))


def read_events(path: Path) -> Events:
    """Records from a file, in the order of their end.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    try:
        events = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"{path}: no file of records: {error}") from error
    if events.dtype != EVENT_DTYPE or events.ndim != 1:
        raise UsageError(f"{path}: dtype {events.dtype}, not that of a record ({EVENT_DTYPE})")
    ordered: Events = events[np.argsort(events["end_ns"], kind="stable")]
    return ordered


def _replay(config: Config, path: Path) -> int:
    for anomaly in Detector(rules(config), 0, Names).feed(read_events(path)).anomalies:
        print(msgspec.json.encode(msgspec.structs.replace(anomaly, evidence=b"")).decode())
    return CLEAN


def _capture_now(config: Config, name: str) -> int:
    if name not in config.guardian.anomalies:
        known = ", ".join(config.guardian.anomalies)
        raise UsageError(f"no anomaly '{name}' in the configuration; there are: {known}")
    folders.prepare(config)
    print(capture_now(config, name))
    return CLEAN


def _clean_up(config: Config, *, dry_run: bool) -> int:
    for removal in sweep(config, dry_run=dry_run):
        verb = "would delete" if dry_run else "deleted"
        print(f"{verb} {removal.entry.name}: {removal.reason}")
    return CLEAN


def _task(arguments: argparse.Namespace, config: Config) -> Callable[[], int]:
    match arguments.stage:
        case "collect" if arguments.print:
            return lambda: _print_events(config)
        case "detect" if arguments.events:
            return lambda: _replay(config, arguments.events)
        case "capture" if arguments.now:
            return lambda: _capture_now(config, arguments.now)
        case "cleanup" if arguments.once:
            return lambda: _clean_up(config, dry_run=arguments.dry_run)
        case "cleanup" if arguments.dry_run:
            raise UsageError("--dry-run goes with --once")
    return lambda: _live(arguments.stage, config)


def _run(arguments: argparse.Namespace) -> int:
    return _task(arguments, load_with_warnings(arguments.config).config)()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    arguments = _parser().parse_args(argv)
    return guarded(lambda: _run(arguments))
