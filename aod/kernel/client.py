"""Whether this kernel has a cifs client, or a mount would load it.

Where nothing can be looked at (a container without /lib/modules), it may have one: what cannot be
seen is waited for."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aod.files import read_if_there

_ROOT: Final = Path("/")
_FOLDERS: Final = (
    "lib/modules",
    "usr/lib/modules",
    "run/booted-system/kernel-modules/lib/modules",
    "run/current-system/kernel-modules/lib/modules",
)
"""Where modprobe looks; the last two are NixOS's, whose kmod is patched to."""
_LISTS: Final = ("modules.dep", "modules.builtin")
_MODULE: Final = re.compile(r"^(?:\S*/)?cifs\.ko(?:\.\w+)?(?::|\s|$)", re.MULTILINE)
_CONFIGURATION: Final = (
    "etc/modprobe.d",
    "run/modprobe.d",
    "usr/local/lib/modprobe.d",
    "usr/lib/modprobe.d",
    "lib/modprobe.d",
)
"""modprobe.d(5): a file hides those of its name in later folders."""
_DO_NOTHING: Final = frozenset({"true", "false", ":"})


def missing(release: str, root: Path = _ROOT) -> str:
    """Why this kernel cannot have the client, in a clause; empty when it has, or may have."""
    if _is_loaded(root):
        return ""
    lists = {path: read_if_there(path) for path in _module_lists(release, root)}
    if any(_MODULE.search(text) for text in lists.values()):
        return "" if _loads_modules(root) else "it is not loaded, and modules_disabled is set"
    if not _loads_modules(root):
        return "it is not built in, and this kernel loads no modules"
    if lists:
        folders = dict.fromkeys(f"/{path.parent.relative_to(root)}" for path in lists)
        return f"it is not loaded, and there is no module for it in {', '.join(folders)}"
    return ""


def hindrance(root: Path = _ROOT) -> str:
    """What keeps a mount from loading the module: the line that forbids it, and where it stands."""
    for path in _configuration(root):
        for line in read_if_there(path).replace("\\\n", " ").splitlines():
            if _forbids(line.split()):
                return f"'{' '.join(line.split())}' in /{path.relative_to(root)}"
    for word in read_if_there(root / "proc/cmdline").split():
        name, _, modules = word.partition("=")
        if name in ("module_blacklist", "modprobe.blacklist") and "cifs" in modules.split(","):
            return f"'{word}' on the kernel's command line"
    return ""


def _is_loaded(root: Path) -> bool:
    """Whether it is in the kernel: loaded or built in."""
    return (root / "sys/module/cifs").exists() or (root / "proc/fs/cifs").exists()


def _module_lists(release: str, root: Path) -> Iterator[Path]:
    for folder in _FOLDERS:
        for name in _LISTS:
            if (path := root / folder / release / name).is_file():
                yield path


def _loads_modules(root: Path) -> bool:
    """Whether modules can be loaded at all, now."""
    disabled = read_if_there(root / "proc/sys/kernel/modules_disabled").strip()
    return (root / "proc/modules").exists() and disabled != "1"


def _configuration(root: Path) -> Iterator[Path]:
    """modprobe's files, in the order in which it reads them."""
    found: dict[str, Path] = {}
    for folder in _CONFIGURATION:
        for path in (root / folder).glob("*.conf"):
            if path.is_file():
                found.setdefault(path.name, path)
    return (found[name] for name in sorted(found))


def _forbids(words: list[str]) -> bool:
    """Whether it is `blacklist cifs`, or `install cifs` with a command that does nothing."""
    match words:
        case ["blacklist", "cifs"]:
            return True
        case ["install", "cifs", command, *_]:
            return command.rpartition("/")[2] in _DO_NOTHING
    return False
