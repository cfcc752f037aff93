"""Giving up root's rights for good: user, groups, capabilities, system calls.

Done once, in the stage's process, before it has a thread or a socket. Which rights a stage keeps is
decided in `aod.supervision.rights`.
"""

import errno
import logging
import os
import resource
from typing import Final

from msgspec import Struct

from aod._native import lib
from aod.files import FOLDER_MODE
from aod.host.capabilities import Capability, to_mask
from aod.host.users import ROOT, UserIds
from aod.kernel.errors import check

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

    ids: UserIds
    groups: tuple[int, ...]
    """Supplementary ones."""
    capabilities: frozenset[Capability] = frozenset()
    later: frozenset[Capability] | None = None
    """What is left of them when the stage has begun; None: all."""
    filtered: bool = False
    """It computes and reads files: it starts no process, and asks the kernel for little else."""


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
        os.setresgid(*[kept.ids.gid] * 3)
        os.setresuid(*[kept.ids.uid] * 3)
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
