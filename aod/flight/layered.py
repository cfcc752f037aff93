"""Interfaces whose packets are seen on another one, above them, as well.

Those below a bond or a paired function (netvsc, whose VF is below it): all that is sent to them and
all that they receive passes the interface above (bond_handle_frame, netvsc_vf_handle_frame). Ports
of a bridge are not among them: what is forwarded between two never passes the bridge's own."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

FOLDER: Final = Path("/sys/class/net")
_NETVSC: Final = "hv_netvsc"
_MOST: Final = 64
"""Interfaces that a filter names; the copies that others make are found in the cut."""


def below() -> frozenset[int]:
    """The numbers of such interfaces."""
    found = (number for path, number in _interfaces() if _is_below(path))
    return frozenset(sorted(found)[:_MOST])


def alone(numbers: frozenset[int]) -> bool:
    """Whether one of these interfaces is there, and not below another any more."""
    return any(number in numbers and not _is_below(path) for path, number in _interfaces())


def _interfaces() -> Iterator[tuple[Path, int]]:
    with suppress(OSError):
        for path in FOLDER.iterdir():
            with suppress(OSError, ValueError):  # it goes meanwhile; or is no interface
                yield path, int((path / "ifindex").read_text())


def _is_below(path: Path) -> bool:
    above = path / "master"
    with suppress(OSError):
        return (above / "bonding").is_dir() or (above / "device/driver").readlink().name == _NETVSC
    return False
