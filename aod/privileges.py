"""Who each stage runs as, and which of root's rights it keeps: decided here, given up for good.

`rights` says what a stage keeps; it looks at the configuration, the accounts of the host, and whose
the folders are. `drop` is done once, in the stage's process, before it has a thread or a socket.
"""

import errno
import logging
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from aod import accounts
from aod._native import lib
from aod.accounts import ROOT, Account
from aod.actions.table import row
from aod.capabilities import Capability, to_mask
from aod.config import Config
from aod.files import FOLDER_MODE
from aod.recorders.recorders import wanted
from aod.shim import check

COLLECT: Final = frozenset({Capability.BPF, Capability.PERFMON})
"""For the maps, and for the pins."""
COLLECT_LOADING: Final = COLLECT | {
    Capability.SYS_ADMIN,
    Capability.SYS_RESOURCE,
    Capability.DAC_READ_SEARCH,
    Capability.SETPCAP,
}
"""Until everything is attached: to look for the cifs module's types (BPF_BTF_GET_NEXT_ID), to lock
memory for maps (Linux before 5.11), to read the object where only its owner may; and to give these
up for good."""
FOREIGN_OUTPUT: Final = frozenset({Capability.DAC_OVERRIDE, Capability.CHOWN})
"""To write into another user's folder, and to give him the audit log."""
SUPERVISOR: Final = frozenset(
    {
        Capability.CHOWN,
        Capability.DAC_OVERRIDE,
        Capability.FOWNER,
        Capability.KILL,
        Capability.SETGID,
        Capability.SETUID,
        Capability.SETPCAP,
    }
)
"""Beside what its workers have: to make the folders theirs, to become them, and to end them."""
MAX_FILES: Final = 256
"""Of a stage that asks the kernel for little. ZeroMQ accepts every connection, and a receiver ends
when it may open no more: who was taken over must not be able to make so many."""
_UNFILTERED: Final = (errno.EINVAL, errno.EOPNOTSUPP)
"""A kernel, or a processor, without the filter."""

GROUP_READS: Final = 0o777 & ~FOLDER_MODE
"""A stage's umask. Who started it may have another (a unit's UMask=), but capture could then not
read what detect leaves in the spool."""

_later: frozenset[Capability] | None = None
"""What `narrow` leaves."""


class Rights(Struct, frozen=True, kw_only=True):
    """Who a stage runs as, and what it keeps."""

    account: Account
    groups: tuple[int, ...]
    """Supplementary ones."""
    capabilities: frozenset[Capability] = frozenset()
    later: frozenset[Capability] | None = None
    """What is left of them when the stage has begun; None: all."""
    filtered: bool = False
    """It computes and reads files: it starts no process, and asks the kernel for little else."""


def rights(stage: str, config: Config) -> Rights:
    """What a stage keeps that root has started."""
    shared = accounts.shared_gid(config)
    match stage:
        case "collect":  # what it makes in the runtime folder is for the group
            own = Account(ROOT.uid, shared)
            return Rights(
                account=own,
                groups=(shared,),
                capabilities=COLLECT_LOADING | _passage(config),
                later=COLLECT | _passage(config),
            )
        case "detect":
            who = accounts.detector(config) or ROOT
            return Rights(account=who, groups=(shared,), filtered=True)
        case "cleanup":
            return Rights(account=accounts.cleaner(config), groups=(shared,), filtered=True)
        case "capture":
            return Rights(account=ROOT, groups=(shared,), capabilities=for_capture(config))
    raise ValueError(f"no such stage: {stage}")


def for_capture(config: Config) -> frozenset[Capability]:
    """What the configured actions need, and what the folders do."""
    actions = [action for name in wanted(config) if (action := row(name)) is not None]
    needed = {one.capability for action in actions for one in action.privileges}
    if accounts.cleaner(config).uid != ROOT.uid:
        needed |= FOREIGN_OUTPUT
    return frozenset(needed | _passage(config))


def drop(kept: Rights, log: logging.Logger) -> None:
    """Give up all but this. Who is not root stays who it is, without capabilities.

    Afterwards this process is ended with its parent only if it asks for it again.

    Raises:
        OSError: the kernel refuses it.
    """
    global _later  # noqa: PLW0603  # of this process, like what it is about
    _later = kept.later
    os.umask(GROUP_READS)
    _limit(kept.capabilities)
    if os.geteuid() == ROOT.uid:
        os.setgroups(kept.groups)
        os.setresgid(*[kept.account.gid] * 3)
        os.setresuid(*[kept.account.uid] * 3)
    _keep(kept.capabilities)
    if kept.filtered:
        resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
        result = lib.aod_filter_calls()
        if -result in _UNFILTERED:
            log.info("this kernel filters no system calls: %s", os.strerror(-result))
        else:
            check(result, "filtering system calls")


def narrow() -> None:
    """The stage has begun: give up what was for that, if anything was given up before.

    Raises:
        OSError: the kernel refuses it.
    """
    if _later is not None:
        _limit(_later)
        _keep(_later)


def _limit(kept: frozenset[Capability]) -> None:
    check(lib.aod_limit_rights(to_mask(kept)), "giving up rights")


def _keep(kept: frozenset[Capability]) -> None:
    check(lib.aod_keep_capabilities(to_mask(kept)), "giving up capabilities")


def _passage(config: Config) -> frozenset[Capability]:
    """Nothing, where root as an ordinary user gets to all that a stage reads by its name."""
    folders = (config.runtime_dir, config.state_dir, config.aod_output_dir, *_own_files())
    ways = {above.resolve() for folder in folders for above in folder.parents}
    if all(_is_open_to_root(way) for way in ways if way.exists()):
        return frozenset()
    return frozenset({Capability.DAC_READ_SEARCH})


def _own_files() -> Iterator[Path]:
    """The package, and its interpreter."""
    yield Path(__file__)
    yield Path(sys.executable)


def _is_open_to_root(folder: Path) -> bool:
    status = folder.stat()
    bits = status.st_mode if status.st_uid else status.st_mode >> 6
    return bool(bits & 0o001)
