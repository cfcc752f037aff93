"""The user and the capabilities of each stage: the policy; aod/host/privileges.py applies it."""

import sys
from pathlib import Path
from typing import Final

from aod.actions.table import row
from aod.config.rules import wanted
from aod.config.schema import Config
from aod.host import users
from aod.host.capabilities import Capability
from aod.host.privileges import Rights
from aod.host.users import ROOT, UserIds

COLLECT: Final = frozenset({Capability.BPF, Capability.PERFMON})
"""For the maps, and for the pins."""
COLLECT_LOADING: Final = COLLECT | {
    Capability.SYS_ADMIN,
    Capability.SYS_RESOURCE,
    Capability.DAC_READ_SEARCH,
    Capability.SETPCAP,
}
"""Until everything is attached: to find the cifs module's types (BPF_BTF_GET_NEXT_ID), to lock
memory for maps (Linux before 5.11), to read an object that only its owner may read, to drop these.
"""
FOREIGN_OUTPUT: Final = frozenset({Capability.DAC_OVERRIDE, Capability.CHOWN})
"""To write to another user's folder, and to give him the audit log."""
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
"""Beside those of its workers: to own folders for them, to become their users, to kill them."""


def for_stage(stage: str, config: Config) -> Rights:
    """The rights that a stage keeps when root started it."""
    shared = users.shared_gid(config)
    match stage:
        case "collect":  # the group reads its files in the runtime folder
            own, extra = UserIds(ROOT.uid, shared), _passage(config)
            return Rights(
                ids=own,
                groups=(shared,),
                capabilities=COLLECT_LOADING | extra,
                later=COLLECT | extra,
            )
        case "detect":
            return Rights(ids=users.detector(config) or ROOT, groups=(shared,), filtered=True)
        case "cleanup":
            return Rights(ids=users.cleaner(config), groups=(shared,), filtered=True)
        case "capture":
            return Rights(ids=ROOT, groups=(shared,), capabilities=for_capture(config))
    raise ValueError(f"no such stage: {stage}")


def for_capture(config: Config) -> frozenset[Capability]:
    """The capabilities that the configured actions and the folders need."""
    actions = [action for name in wanted(config) if (action := row(name)) is not None]
    needed = {one for action in actions for one in action.privileges}
    if users.cleaner(config).uid != ROOT.uid:
        needed |= FOREIGN_OUTPUT
    return frozenset(needed | _passage(config))


def _passage(config: Config) -> frozenset[Capability]:
    """Empty, where root without capabilities can reach all files that a stage opens by name."""
    ours = (Path(__file__), Path(sys.executable))
    paths = (config.runtime_dir, config.state_dir, config.aod_output_dir, *ours)
    ways = {above.resolve() for path in paths for above in path.parents}
    if all(_is_open_to_root(way) for way in ways if way.exists()):
        return frozenset()
    return frozenset({Capability.DAC_READ_SEARCH})


def _is_open_to_root(folder: Path) -> bool:
    status = folder.stat()
    bits = status.st_mode if status.st_uid else status.st_mode >> 6
    return bool(bits & 0o001)
