"""A program looks for ten thousand files that do not exist, as compilers and shells do."""

from pathlib import Path

from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.quiet import observed

GUEST = "quiet"
LOOKUPS = 10_000
TIMEOUT_S = 240


def run(lab: Lab) -> Facts:
    """Look for each once."""
    with lab.mounted() as folder:
        return observed(lab, lambda: {"found": _found(folder)})


def _found(folder: Path) -> int:
    return sum((folder / f"missing-{number}").exists() for number in range(LOOKUPS))
