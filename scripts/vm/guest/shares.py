"""The shares that the guest's server serves, one file system and one address for each.

All addresses are the loopback's, but the client sees a server at each: a mount of each share has
its own connection and session, and a fault of one file system or one address hits one mount.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

SIZE_MIB: Final = 64


@dataclass(frozen=True)
class Share:
    """One share, by its name and the address that it is mounted from."""

    name: str
    address: str

    @property
    def path(self) -> Path:
        """The folder that the server serves: a small file system in memory."""
        return Path("/run/lab") / self.name

    @property
    def unc(self) -> str:
        """What is mounted."""
        return f"//{self.address}/{self.name}"

    @property
    def mount_point(self) -> Path:
        """Where it is mounted unless somebody wants it elsewhere."""
        return Path("/mnt") / self.name


FIRST: Final = Share("share", "127.0.0.1")
SECOND: Final = Share("second", "127.0.0.2")
SHARES: Final = (FIRST, SECOND)
