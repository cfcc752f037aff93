"""`find` walks over two thousand files, twice: the second time the client's caches are old."""

from pathlib import Path

from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import command
from scripts.vm.guest.quiet import observed
from scripts.vm.guest.shares import FIRST

GUEST = "quiet"
# An emulated server takes 0.4 ms for each entry of a list: with more files in a folder it would
# truly be slow.
FOLDERS = 100
FILES = 2000


def run(lab: Lab) -> Facts:
    """Make the files on the server, then look at them from the client."""
    for number in range(FILES):
        folder = FIRST.path / f"folder-{number % FOLDERS}"
        folder.mkdir(exist_ok=True)
        (folder / f"file-{number}").write_bytes(b"content")
    with lab.mounted() as folder:
        return observed(lab, lambda: {"sizes": [_sizes(folder), _sizes(folder)]})


def _sizes(folder: Path) -> dict[str, int]:
    """How many files `find` sees, by their size."""
    lines = command("find", folder, "-type", "f", "-printf", "%s\n").splitlines()
    return {size: lines.count(size) for size in set(lines)}
