"""What the daemon leaves in its runtime folder for others to read: its counters, the names."""

import time
from pathlib import Path
from typing import Final

from aod.smb import peers
from aod.status.gather import gather
from aod.status.model import Status
from scripts.vm.guest import cifs
from scripts.vm.guest.shares import Share
from scripts.vm.guest.wait import wait_until

RUNTIME: Final = Path("/run/aod")


def settled(runtime_dir: Path = RUNTIME) -> Status:
    """The daemon's status, taken after now, with every record in the event log and evaluated.

    A daemon that has just logged that it watches is not at rest: loading the hooks on the client's
    functions keeps an emulated processor busy for another second, which makes any operation slow.
    Counters that are newer than now come after that.
    """
    now_ns = time.monotonic_ns()

    def is_fresh() -> bool:
        found = gather(runtime_dir)
        return found.stats_ns > now_ns and found.read == found.records

    wait_until(is_fresh, "counters that are newer than the workload", 20)
    # The time of the counters is published after them and was read after them: those read with it
    # may have been older.
    return gather(runtime_dir)


def wait_for_names(share: Share) -> None:
    """Return when the daemon can name a share that was mounted before it started."""
    unc = share.unc.replace("/", "\\")
    wait_until(
        lambda: unc in peers.FILE.read(RUNTIME).shares.values(), f"the name of {share.unc}", 20
    )


def finished(runtime_dir: Path = RUNTIME) -> dict[str, int]:
    """How many operations of each command the daemon has seen finish, until now."""
    return {name: one.finished for name, one in settled(runtime_dir).commands.items()}


def accounts() -> tuple[dict[str, cifs.Count], Status]:
    """The client's account and the daemon's, of one moment when nothing was sent.

    The client closes files when it thinks best, a second after the program did.
    """

    def of_one_moment() -> tuple[dict[str, cifs.Count], Status] | None:
        counted = cifs.command_counts()
        found = settled()
        return (counted, found) if cifs.command_counts() == counted else None

    return wait_until(of_one_moment, "a moment without requests", 60)
