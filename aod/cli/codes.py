"""aod codes: the names that rules and bundles use for what servers and the client say."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from aod.cli.exits import CLEAN, OTHER
from aod.smb import errors, ntstatus
from aod.smb.codes import Codes, ErrnoCode, codes
from aod.smb.commands import Command
from aod.text import quoted, suggestion

SHORT: Final = "NTSTATUS and errno: numbers, names, meanings"
LONG: Final = (
    "Print the codes that rules can name and bundles can show. Exit code 1: nothing matches."
)
_WORDS: Final = "a part of a name, such as DENIED, or a number: 13, -13, 0xC0000022"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """WORD ... and --json."""
    parser.add_argument("words", nargs="*", metavar="WORD", help=f"{_WORDS}; default: all codes")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")


def run(arguments: argparse.Namespace) -> int:
    """Print what matches any of the words; 1 if nothing does."""
    found = codes(arguments.words)
    if arguments.json:
        print(msgspec.json.encode(found).decode(), flush=True)
    elif found.ntstatus or found.errno:
        print(render(found), flush=True)
    for word in arguments.words:
        alone = codes([word])
        if not alone.ntstatus and not alone.errno:
            hint = suggestion(word, [*errors.NUMBERS, *ntstatus.NUMBERS])
            wrong = f"no code matches {quoted(word)}"
            print(f"{wrong}; {hint}allowed: {_WORDS}", file=sys.stderr)
    return CLEAN if found.ntstatus or found.errno else OTHER


def render(found: Codes) -> str:
    """Tables of at most 96 columns; one without rows is left out."""
    tables = [_statuses(found.ntstatus)] if found.ntstatus else []
    tables += [_errnos(found.errno)] if found.errno else []
    return "\n\n".join(map("\n".join, tables))


def _statuses(rows: Sequence[ntstatus.Status]) -> Iterator[str]:
    yield f"NTSTATUS, and the errno that the client makes of it ({ntstatus.source()})"
    yield _status_line("number", "errno", "name", "left out by default, in answers to")
    for row in rows:
        errno = row.errno if row.mapped else f"{row.errno} *"
        every = len(row.left_out) == len(Command)
        left_out = "all commands" if every else ", ".join(row.left_out)
        yield _status_line(f"0x{row.number:08X}", errno or "-", row.name, left_out)
    if not all(row.mapped for row in rows):
        yield "* not in the client's table; it makes EIO of whatever it does not know"


def _status_line(number: str, errno: str, name: str, left_out: str) -> str:
    # Longer names have nothing behind them, so they may stand out.
    return f"{number:<12}{errno:<14}{name:<35}{left_out}".rstrip()


def _errnos(rows: Sequence[ErrnoCode]) -> Iterator[str]:
    yield "errno, and of how many statuses the client makes it"
    yield f"{'number':>6}  {'name':<23}{'statuses':>8}  meaning"
    for row in rows:
        yield f"{row.number:>6}  {row.name:<23}{row.statuses or '':>8}  {row.text}"
