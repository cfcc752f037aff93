"""aod-stage: one stage in the foreground, against a live pipeline or alone."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from aod import log
from aod.capture.manual import capture_now
from aod.cli.exits import CLEAN, UsageError, catch_stop, guarded
from aod.cli.options import add_common, add_simulate_drops, load_with_warnings, warn_of_faults
from aod.cli.replay import FILE_HELP, as_json, configuration
from aod.config.schema import Config
from aod.host import preflight, privileges
from aod.recording.printer import print_events
from aod.recording.sources import opened
from aod.replay.evaluation import Evaluation
from aod.stages.base import run_stage
from aod.stages.cleanup import sweep
from aod.supervision import folders, rights
from aod.supervision.process import stage_run
from aod.transport.wire import STAGES, is_taken

_HELP: Final = {
    "collect": (
        "from the kernel's ring into the event log",
        "Move operations from the kernel's ring into the event log, or print them.",
    ),
    "detect": (
        "from the event log to anomalies",
        "Declare anomalies from the event log, or from stored operations.",
    ),
    "capture": (
        "from an anomaly to a sealed bundle",
        "Make the bundles of declared anomalies, or one now; that needs no daemon, and ignores the"
        " limits of free space and of concurrent captures.",
    ),
    "cleanup": (
        "bundles that are too old or too many",
        "Delete bundles that are too old or too many, once or until stopped.",
    ),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aod-stage",
        description="Run one stage in the foreground: in the place of the one that a running "
        "aod-supervisor was started --without, or alone with the options below.",
    )
    stages = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    collect, detect, capture, cleanup = (
        stages.add_parser(name, help=_HELP[name][0], description=_HELP[name][1]) for name in STAGES
    )
    for one in (collect, detect, capture, cleanup):
        add_common(one)
    add_simulate_drops(collect)
    text = "print operations as they finish, beside any daemon"
    collect.add_argument("--print", action="store_true", help=text)
    text = f"evaluate {FILE_HELP}; each anomaly is a line of JSON"
    detect.add_argument("--events", type=Path, metavar="FILE", help=text)
    text = "make a bundle with the actions of this anomaly, and exit"
    capture.add_argument("--now", metavar="NAME", help=text)
    cleanup.add_argument("--once", action="store_true", help="clean up once, and exit")
    text = "with --once: print what would be deleted"
    cleanup.add_argument("--dry-run", action="store_true", help=text)
    return parser


def _live(stage: str, config: Config, **options: float) -> int:
    if is_taken(config.runtime_dir, stage):
        raise UsageError(
            f"{stage} runs already in {config.runtime_dir}: "
            f"start the daemon with aod-supervisor --without {stage}"
        )
    if stage == "collect":
        preflight.check(config.pin_dir)
    run = partial(stage_run(stage), **options)
    _prepare(stage, config)
    return run_stage(stage, run, config)


def _prepare(stage: str, config: Config) -> None:
    """Make the folders, and drop the rights that the stage does without."""
    folders.prepare(config, log.ROOT)
    privileges.drop(rights.for_stage(stage, config), log.ROOT.getChild(stage))


def _evaluate(path: Path, config: Path | None) -> int:
    """Print the anomalies, and a summary, also of a damaged file."""
    with opened(path) as source:
        evaluation = Evaluation(source, configuration(source, config).config)
        try:
            for anomaly in evaluation.anomalies():
                print(as_json(anomaly))
        finally:
            done = evaluation.summary()
            read = f"{done.records:,} records, {done.anomalies:,} anomalies"
            print(f"{read}, {done.suppressed:,} suppressed triggers", file=sys.stderr)
    return CLEAN


def _capture_now(config: Config, name: str) -> int:
    if name not in config.guardian.anomalies:
        known = ", ".join(config.guardian.anomalies)
        raise UsageError(f"no anomaly '{name}' in the configuration; there are: {known}")
    _prepare("capture", config)
    print(capture_now(config, name))
    return CLEAN


def _run(arguments: argparse.Namespace) -> int:
    if arguments.stage == "detect" and arguments.events:
        return _evaluate(arguments.events, arguments.config)
    config = load_with_warnings(arguments.config).config
    if arguments.stage in ("collect", "capture"):
        warn_of_faults(config)
    match arguments.stage:
        case "collect" if arguments.print and arguments.simulate_drops:
            raise UsageError("--simulate-drops goes without --print")
        case "collect" if arguments.print:
            preflight.check(config.pin_dir)
            return print_events(config, catch_stop(), partial(print, flush=True))
        case "collect":
            return _live("collect", config, simulate_drops=arguments.simulate_drops)
        case "capture" if arguments.now:
            return _capture_now(config, arguments.now)
        case "cleanup" if arguments.once:
            verb = "would delete" if arguments.dry_run else "deleted"
            for removal in sweep(config, dry_run=arguments.dry_run):
                print(f"{verb} {removal.entry.name}: {removal.reason}")
            return CLEAN
        case "cleanup" if arguments.dry_run:
            raise UsageError("--dry-run goes with --once")
    return _live(arguments.stage, config)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    arguments = _parser().parse_args(argv)
    return guarded(lambda: _run(arguments))
