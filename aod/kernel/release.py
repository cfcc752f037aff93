"""Which kernel runs, as far as its name says: uname(2), and what Ubuntu adds to it."""

import os
import re
from contextlib import suppress
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from aod.kernel.client_faults import Version

_NUMBERS: Final = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_DEBIAN: Final = re.compile(r"\bDebian (\d+\.\d+\.\d+)")
"""Its release is 6.1.0-57-amd64; the version of kernel.org stands in the build's text."""
_ABI: Final = re.compile(r"^[\d.]+-(\d+)-")
_ENTERPRISE: Final = re.compile(r"\.el\d+|-1\d{5}\.")
"""Red Hat's (5.14.0-427.13.1.el9_4) and its relatives', SUSE's (6.4.0-150600.23.7-default)."""
_BUILT: Final = re.compile(r"\b([A-Z][a-z]{2}) +(\d{1,2}) \d\d:\d\d:\d\d (?:\S+ )?(\d{4})\b")
_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"
_UBUNTUS_OWN: Final = Path("/proc/version_signature")


class Release(NamedTuple):
    """A kernel, by what decides which fixes it has."""

    name: str
    version: Version
    """That of kernel.org; of Ubuntu and enterprise distributions only what it began with."""
    base: Version = ()
    """Ubuntu's own, which it keeps for years: (6, 8, 0). Empty: it is none of Ubuntu's."""
    abi: int = 0
    """Ubuntu's number behind that."""
    is_enterprise: bool = False
    """Fixes come without a new version."""
    built: date | None = None


def parse(release: str, build: str, signature: str = "") -> Release:
    """A kernel by its `uname -r`, its `uname -v` and Ubuntu's /proc/version_signature."""
    base = _version(release)
    if debian := _DEBIAN.search(build):
        return Release(f"{release}, Debian {debian[1]}", _version(debian[1]))
    if "-Ubuntu" in build:
        own = _version(signature.rpartition(" ")[2]) or base
        abi = int(found[1]) if (found := _ABI.match(release)) else 0
        return Release(release, own, base, abi, built=_built(build))
    is_enterprise = bool(_ENTERPRISE.search(release))
    return Release(release, base, is_enterprise=is_enterprise, built=_built(build))


@cache
def running() -> Release:
    """The one of this host."""
    signature = ""
    with suppress(OSError):
        signature = _UBUNTUS_OWN.read_text(errors="replace").strip()
    uname = os.uname()
    return parse(uname.release, uname.version, signature)


def _version(text: str) -> Version:
    found = _NUMBERS.match(text)
    return tuple(int(number or 0) for number in found.groups()) if found else ()


def _built(build: str) -> date | None:
    """The day: `... Wed Jan 10 22:58:54 UTC 2024`; None: it does not say."""
    if found := _BUILT.search(build):
        month, day, year = found.groups()
        with suppress(ValueError):
            return date(int(year), _MONTHS.index(month) // 3 + 1, int(day))
    return None
