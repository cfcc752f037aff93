"""aod help: the man pages, shown by man where it has them, else as text."""

import argparse
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Final

from aod.cli.exits import CLEAN, UsageError

SHORT: Final = "the manual, page by page"
LONG: Final = "Show a page of the manual, by man where it has it, else as text. Default: list them."
_CHECKOUT: Final = Path(__file__).parents[2] / "conf" / "man"
_INSTALLED: Final = Path(sys.prefix) / "share" / "doc" / "aod" / "man"
_PAGES: Final = Path(sys.prefix) / "share" / "man"
"""Where scripts/install puts the sources, and what it makes of them."""
_MARK: Final = re.compile(
    r"^; .*\n|^##? |\\(.)|\*|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|\+\+$", re.MULTILINE
)
"""Of scdoc(5): a comment, a heading, an escaped character, what makes bold, underlined, a line's
end."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[TOPIC]"""
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="default: list them")


def run(arguments: argparse.Namespace) -> int:
    """Show a page, or list all. Raises UsageError: there is no such page."""
    found = pages()
    if not found:
        raise UsageError(f"the manual is not installed: there is nothing in {_INSTALLED}")
    if arguments.topic is None:
        for name, source in found.items():
            # What is behind the dash in the line below NAME.
            summary = source.read_text().split(" - ", 1)[1].partition("\n\n")[0]
            print(f"{name:<16}{' '.join(summary.splitlines())}")
        return CLEAN
    # A topic may be short: `bundle` for aod-bundle.
    topics = (arguments.topic, f"aod-{arguments.topic}", f"aod.{arguments.topic}")
    page = next((source for name, source in found.items() if name in topics), None)
    if page is None:
        raise UsageError(f"there is no topic {arguments.topic}; allowed: {', '.join(found)}")
    if not _shown_by_man(page):
        print(plain(page.read_text()), end="", flush=True)
    return CLEAN


def pages() -> dict[str, Path]:
    """The sources of all pages, by name; they are scdoc's."""
    folder = _CHECKOUT if _CHECKOUT.is_dir() else _INSTALLED
    return dict(sorted((source.stem.rpartition(".")[0], source) for source in folder.glob("*.scd")))


def _shown_by_man(source: Path) -> bool:
    name, _, section = source.stem.rpartition(".")
    man = shutil.which("man")
    if man is None or not (_PAGES / f"man{section}" / f"{name}.{section}.gz").exists():
        return False
    sys.stdout.flush()
    command = [man, "-M", str(_PAGES), section, name]
    return subprocess.run(command, check=False).returncode == 0


def plain(source: str) -> str:
    """A page as text: what scdoc(5) marks is unmarked, literal blocks are indented."""
    title, body = source.expandtabs(4).split("\n", 1)
    parts = body.split("```\n")
    parts[::2] = [_MARK.sub(lambda found: found[1] or "", part) for part in parts[::2]]
    parts[1::2] = [textwrap.indent(part.replace("\\\\", "\\"), "    ") for part in parts[1::2]]
    return title.partition(" ")[0] + "\n" + "".join(parts)
