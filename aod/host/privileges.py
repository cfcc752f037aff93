"""Dropping root's rights for good: user, groups, capabilities, system calls.

Done once, in the stage's process, before it has a thread or a socket. `aod.supervision.rights`
decides which rights a stage keeps."""

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
"""Open files of a filtered stage. ZeroMQ accepts every connection, and a receiver that may open no
more files exits; a stage that was taken over must not be able to make that many connections."""
_UNFILTERED: Final = (errno.EINVAL, errno.EOPNOTSUPP)
"""From a kernel, or on a processor, without the filter."""

GROUP_READS: Final = 0o777 & ~FOLDER_MODE
"""A stage's umask, whatever it inherited (a unit's UMask=): capture has to read what detect writes
into the spool."""

_later: frozenset[Capability] | None = None
"""The capabilities that `narrow` leaves."""


class Rights(Struct, frozen=True, kw_only=True):
    """The user of a stage, and the rights that it keeps."""

    ids: UserIds
    groups: tuple[int, ...]
    """Supplementary ones."""
    capabilities: frozenset[Capability] = frozenset()
    later: frozenset[Capability] | None = None
    """Those that it keeps once it has started; None: all."""
    filtered: bool = False
    """Whether system calls are filtered: it computes, reads files and starts no process."""


def drop(kept: Rights, logger: logging.Logger) -> None:
    """Drop all other rights. A process of another user than root only loses its capabilities.

    It also clears the parent-death signal (prctl(2)), which the caller sets again. Raises OSError:
    the kernel refuses it."""
    global _later  # noqa: PLW0603  # a state of this process, as are its rights
    _later = kept.later
    os.umask(GROUP_READS)
    mask = to_mask(kept.capabilities)
    check(lib.aod_limit_rights(mask), "giving up rights")
    if os.geteuid() == ROOT.uid:
        os.setgroups(kept.groups)
        os.setresgid(*[kept.ids.gid] * 3)
        os.setresuid(*[kept.ids.uid] * 3)
    check(lib.aod_keep_capabilities(mask), "giving up capabilities")
    if not kept.filtered:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
    result = lib.aod_filter_calls()
    if -result in _UNFILTERED:
        logger.info("this kernel filters no system calls: %s", os.strerror(-result))
    else:
        check(result, "filtering system calls")


def narrow() -> None:
    """Drop the rights that were for the stage's start only, if `drop` was called.

    Raises OSError: the kernel refuses it."""
    if _later is not None:
        check(lib.aod_limit_rights(to_mask(_later)), "giving up rights")
        check(lib.aod_keep_capabilities(to_mask(_later)), "giving up capabilities")
