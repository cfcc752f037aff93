"""aod: ask a running daemon, record and replay operations, look up what there is."""

import argparse
from collections.abc import Sequence
from typing import Final

from aod.cli import codes, detectors, help, record, replay, snapshot, status
from aod.cli.exits import guarded

_COMMANDS: Final = (status, snapshot, record, replay, codes, detectors, help)
"""Modules, each with a sub-command of its own name: SHORT is its line in `aod --help`, LONG what
`aod COMMAND --help` begins with."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aod",
        description="Ask a running AODv2 daemon, record and replay operations, look up names.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        name = command.__name__.removeprefix("aod.cli.")
        made = commands.add_parser(name, help=command.SHORT, description=command.LONG)
        command.add_arguments(made)
        made.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    arguments = _parser().parse_args(argv)
    return guarded(lambda: int(arguments.run(arguments)))
