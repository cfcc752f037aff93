"""The man pages of conf/man as data: their sections, literal blocks, entries and columns."""

import re
from typing import Final

from scripts.vm.tools import REPO

FOLDER: Final = REPO / "conf" / "man"
SOURCES: Final = sorted(FOLDER.glob("*.scd"))
_BLOCK: Final = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ENTRY: Final = re.compile(r"^(\S.*)\n((?:\t.*\n)+)", re.MULTILINE)


def page(name: str) -> str:
    """The source of `aod.yaml.5`."""
    return (FOLDER / f"{name}.scd").read_text()


def sections(name: str) -> dict[str, str]:
    """The texts below a page's headings of the first level, by title."""
    return _below("#", page(name))


def subsections(text: str) -> dict[str, str]:
    """The texts below the headings of the second level in a section, by title."""
    return _below("##", text)


def _below(level: str, text: str) -> dict[str, str]:
    parts = re.split(rf"^{level} (.*)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def items(text: str) -> list[str]:
    """What the items of a list are about: their text up to the colon."""
    return re.findall(r"^- ([^:]*):", text, re.MULTILINE)


def blocks(text: str) -> list[str]:
    """Every literal block."""
    return [block.replace("\\\\", "\\") for block in _BLOCK.findall(text)]


def entries(text: str) -> dict[str, str]:
    """What is explained below its name: a line, and indented text; by the line as it stands."""
    return {
        name: " ".join(line.strip() for line in lines.splitlines())
        for name, lines in _ENTRY.findall(_BLOCK.sub("", text))
    }


def names(entry: str) -> list[str]:
    """The names in bold in the line above an entry."""
    return re.findall(r"\*([^*]+)\*", entry)


def columns(block: str) -> list[list[str]]:
    """The lines of a block, cut where two or more spaces are."""
    return [re.split(r" {2,}", line.strip()) for line in block.splitlines()]
