"""USAGE.md as data: its sections, and the files and blocks that they show."""

import re
from typing import Final

from scripts.vm.tools import REPO

USAGE: Final = REPO / "USAGE.md"
_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE: Final = re.compile(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    """The text below a heading of the second level."""
    return _below("##", USAGE.read_text())[title]


def subsections(text: str) -> dict[str, str]:
    """The texts below headings of the third level, by title."""
    return _below("###", text)


def _below(level: str, text: str) -> dict[str, str]:
    parts = re.split(rf"^{level} (.*)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def files(text: str) -> dict[str, str]:
    """The files that a text shows, by name: each is a block below a line that names it."""
    return dict(_FILE.findall(text))


def blocks(text: str, language: str | None = None) -> list[str]:
    """Every block between fences, files included; or those in one language."""
    return [block for said, block in _BLOCK.findall(text) if language in {None, said}]
