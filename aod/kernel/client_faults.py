"""Kernels that reading a file of /proc/fs/cifs may crash: the table, and nothing else.

The versions are those of the CVE records of kernel.org (CVEProject/cvelistV5), Ubuntu's those of
its security notices (canonical/ubuntu-security-notices)."""

from datetime import date
from typing import Final, NamedTuple, TypeAlias

Version: TypeAlias = tuple[int, ...]
"""(6, 1, 85)"""


class UbuntuFix(NamedTuple):
    """The first of Ubuntu's kernels with a fix, of those that keep a version for years."""

    base: Version
    abi: int
    """The number behind it in the release of the general kernels: 6.8.0-38."""
    published: date
    """Kernels for clouds have other numbers; what was built since then has the fix, too."""


class Fault(NamedTuple):
    """A crash by reading one file."""

    file: str
    cve: str
    since: tuple[Version, ...]
    """The first version of each series that has it; the last holds for all that are newer."""
    fixed: tuple[Version, ...]
    """Likewise of the fix."""
    ubuntu: tuple[UbuntuFix, ...] = ()
    before: date | None = None
    """When the first stable release with the fix appeared: a kernel of an enterprise distribution,
    whose version says nothing, lacks it if it was built before. None: not known."""


_ALL: Final = ((0,),)

FAULTS: Final = (
    # cifs_debug_data_proc_show: a session that is being torn down is used after it was freed.
    Fault(
        file="DebugData",
        cve="CVE-2023-52752",
        since=((3, 13),),
        fixed=((5, 10, 237), (5, 15, 181), (6, 1, 64), (6, 5, 13), (6, 6, 3), (6, 7)),
        ubuntu=(UbuntuFix((5, 15, 0), 117, date(2024, 7, 29)),),  # USN-6923-1
        before=date(2023, 11, 28),
    ),
    # The same: an interface of the server without a link speed is divided by.
    Fault(
        file="DebugData",
        cve="CVE-2025-21725",
        since=((6, 1, 65), (6, 6, 4), (6, 7)),
        fixed=((6, 1, 129), (6, 6, 76), (6, 12, 13), (6, 13, 2), (6, 14)),
        ubuntu=(UbuntuFix((6, 8, 0), 64, date(2025, 8, 1)),),  # USN-7651-1, of July
    ),
    # cifs_stats_proc_show: a session that is being torn down.
    Fault(
        file="Stats",
        cve="CVE-2024-35867",
        since=_ALL,
        fixed=((5, 10, 237), (5, 15, 181), (6, 1, 85), (6, 6, 26), (6, 8, 5), (6, 9)),
        ubuntu=(UbuntuFix((6, 8, 0), 38, date(2024, 7, 11)),),  # USN-6893-1
        before=date(2024, 4, 10),
    ),
    # cifs_debug_files_proc_show: a session that is being torn down.
    Fault(
        file="open_files",
        cve="CVE-2024-26928",
        since=_ALL,
        fixed=((5, 10, 237), (5, 15, 180), (6, 1, 85), (6, 6, 26), (6, 8, 5), (6, 9)),
        ubuntu=(UbuntuFix((6, 8, 0), 38, date(2024, 7, 11)),),  # USN-6893-1
        before=date(2024, 4, 10),
    ),
)
