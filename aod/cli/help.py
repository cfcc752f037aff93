"""aod help: the man pages, shown by man where it has them, else as text."""

import argparse
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Final, NamedTuple

from aod.cli.exits import CLEAN, UsageError

_CHECKOUT: Final = Path(__file__).parents[2] / "conf" / "man"
_INSTALLED: Final = Path(sys.prefix) / "share" / "doc" / "aod" / "man"
_PAGES: Final = Path(sys.prefix) / "share" / "man"
"""Where scripts/install puts the sources, and what it makes of them."""
_FENCE: Final = "```"
_MARK: Final = re.compile(
    r"^; .*\n|^##? |\\(.)|\*|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|\+\+$", re.MULTILINE
)
"""Of scdoc(5): a comment, a heading, an escaped character, what makes bold, underlined, a line's
end."""


class Page(NamedTuple):
    """A man page; its source is scdoc's."""

    name: str
    section: str
    source: Path

    @property
    def summary(self) -> str:
        """The half of the line below NAME that is behind the dash."""
        return self.source.read_text().split(" - ", 1)[1].partition("\n\n")[0].replace("\n", " ")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[TOPIC]"""
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="default: list them")


def run(arguments: argparse.Namespace) -> int:
    """Show a page, or list all. Raises UsageError: there is no such page."""
    found = pages()
    if not found:
        raise UsageError(f"the manual is not installed: there is nothing in {_INSTALLED}")
    if arguments.topic is None:
        for page in found:
            print(f"{page.name:<16}{page.summary}")
    else:
        page = _named(found, arguments.topic)
        if not _shown_by_man(page):
            print(plain(page.source.read_text()), end="", flush=True)
    return CLEAN


def pages() -> list[Page]:
    """All pages, by name."""
    folder = _CHECKOUT if _CHECKOUT.is_dir() else _INSTALLED
    return sorted(_page(source) for source in folder.glob("*.scd"))


def _page(source: Path) -> Page:
    name, _, section = source.stem.rpartition(".")
    return Page(name, section, source)


def _named(found: list[Page], topic: str) -> Page:
    """The page of that name, which may be short: `bundle` for aod-bundle."""
    names = {topic, f"aod-{topic}", f"aod.{topic}"}
    for page in found:
        if page.name in names:
            return page
    allowed = ", ".join(page.name for page in found)
    raise UsageError(f"there is no topic {topic}; allowed: {allowed}")


def _shown_by_man(page: Page) -> bool:
    man = shutil.which("man")
    made = _PAGES / f"man{page.section}" / f"{page.name}.{page.section}.gz"
    if man is None or not made.exists():
        return False
    sys.stdout.flush()
    command = [man, "-M", str(_PAGES), page.section, page.name]
    return subprocess.run(command, check=False).returncode == 0


def plain(source: str) -> str:
    """A page as text: what scdoc(5) marks is unmarked, literal blocks are indented."""
    title, body = source.expandtabs(4).split("\n", 1)
    parts = body.split(f"{_FENCE}\n")
    shown = [_literal(part) if index % 2 else _text(part) for index, part in enumerate(parts)]
    return title.partition(" ")[0] + "\n" + "".join(shown)


def _literal(text: str) -> str:
    return textwrap.indent(text.replace("\\\\", "\\"), "    ")


def _text(text: str) -> str:
    return _MARK.sub(lambda found: found[1] or "", text)
