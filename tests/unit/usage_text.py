"""USAGE.md as data: its sections, and the files, blocks and tables that they show."""

import re
from pathlib import Path
from typing import Final

USAGE: Final = Path(__file__).parents[2] / "USAGE.md"
_BLOCK: Final = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE: Final = re.compile(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TABLE: Final = re.compile(r"^\|.*\|\n\|[ -|]*\|\n(?:\|.*\|\n)+", re.MULTILINE)


def section(title: str) -> str:
    """The text below a heading of the second level."""
    (found,) = re.findall(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", USAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    return str(found)


def files(text: str) -> dict[str, str]:
    """The files that a text shows, by name: each is a block below a line that names it."""
    return dict(_FILE.findall(text))


def blocks(text: str) -> list[str]:
    """Every block between fences, files included."""
    return _BLOCK.findall(text)


def tables(text: str) -> list[list[list[str]]]:
    """Every table: rows of cells, the header first."""
    return [
        [_cells(line) for number, line in enumerate(table.splitlines()) if number != 1]
        for table in _TABLE.findall(text)
    ]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]
