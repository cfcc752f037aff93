"""Options that several commands take, and the configuration that they name."""

import argparse
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from aod import __version__, log
from aod.config.load import Loaded, load
from aod.config.schema import Config
from aod.detectors.registry import registry
from aod.kernel import client_files

SYSTEM_FILE: Final = Path("/etc/aod/aod.yaml")
SOURCE_FILE: Final = Path(__file__).resolve().parents[2] / "conf" / "aod.yaml"


def default_file() -> Path:
    """The installed configuration, else the one of this source tree."""
    return SYSTEM_FILE if SYSTEM_FILE.exists() or not SOURCE_FILE.exists() else SOURCE_FILE


def load_with_warnings(path: Path | None) -> Loaded:
    """Load the configuration; log its warnings, and which anomaly types are left out.

    Raises ConfigError: it is not valid."""
    loaded = load(path or default_file())
    for refusal in registry().refusals:
        log.ROOT.error("%s", refusal)
    for warning in loaded.warnings:
        log.ROOT.warning("%s", warning)
    return loaded


def warn_of_faults(config: Config) -> None:
    """Log what this kernel's client is known to suffer from, if it is."""
    if text := client_files.warning(config.capture.proc_cifs):
        log.ROOT.warning("%s", text)


def add_common(parser: argparse.ArgumentParser) -> None:
    """-c and --version."""
    add_config(parser, f"the configuration (default: {SYSTEM_FILE}, then conf/aod.yaml)")
    parser.add_argument("--version", action="version", version=f"AODv2 {__version__}")


def add_config(parser: argparse.ArgumentParser, text: str) -> None:
    """-c, with this help."""
    parser.add_argument("-c", "--config", type=Path, default=None, metavar="FILE", help=text)


def add_simulate_drops(parser: argparse.ArgumentParser) -> None:
    """--simulate-drops, for the commands that run collect."""
    wanted = "share; allowed: a number above 0, up to 100, such as 5 or 0.1"
    parser.add_argument(
        "--simulate-drops",
        type=partial(_number, most=100, wanted=wanted),
        default=0.0,
        metavar="PERCENT",
        help="lose this share of the records on purpose, and count them: to see what a loss looks "
        "like; for this run only",
    )


def duration(text: str) -> float:
    """The value of an option in seconds."""
    return _number(text, sys.float_info.max, "duration; allowed: seconds above 0")


def _number(text: str, most: float, wanted: str) -> float:
    """A number above 0; argparse reports what is none."""
    with suppress(ValueError):
        if 0 < (number := float(text)) <= most:
            return number
    raise argparse.ArgumentTypeError(f"{text} is no {wanted}")
