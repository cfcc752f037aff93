"""The cifs file systems that are mounted, from /proc/self/mountinfo."""

import re
from typing import Final

from aod.actions.mask import mask_text
from aod.actions.result import Mount

MOUNTINFO: Final = "/proc/self/mountinfo"
_TYPES: Final = frozenset({"cifs", "smb3"})
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def cifs_mounts(mountinfo: str) -> tuple[Mount, ...]:
    """The cifs file systems in a mountinfo file, each once, where it was mounted first.

    Lines that are not of mountinfo's form (proc(5)) are passed over."""
    found: dict[str, Mount] = {}
    for line in mountinfo.splitlines():
        where, _, what = line.partition(" - ")
        left, right = where.split(" "), what.split(" ")
        if len(left) >= 6 and len(right) >= 3 and right[0] in _TYPES:
            source, mount_point = _unescape(right[1]), _unescape(left[4])
            mount = Mount(source, mount_point, type=right[0], options=mask_text(right[2]))
            found.setdefault(left[2], mount)  # by its device
    return tuple(found.values())


def _unescape(field: str) -> str:
    """Spaces, tabs, newlines and backslashes are octal in mountinfo."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), field)
