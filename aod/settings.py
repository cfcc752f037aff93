"""What sections of the configuration have in common: their base class, bounds, names."""

from enum import StrEnum
from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct

DAY_SEC: Final = 86_400

Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=DAY_SEC)]
Milliseconds: TypeAlias = Annotated[float, Meta(gt=0, le=DAY_SEC * 1000)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=65_536)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every section: an unknown key is an error."""


class ActionName(StrEnum):
    """What can be collected for a bundle."""

    DMESG = "dmesg"
    JOURNALCTL = "journalctl"
    DEBUGDATA = "debugdata"
    STATS = "stats"
    MOUNTS = "mounts"
    SMBINFO = "smbinfo"
    SYSLOGS = "syslogs"
    TCPDUMP = "tcpdump"
    CIFS = "cifs"
    SOCKETS = "sockets"
    STACKS = "stacks"
    SYSTEM = "system"
    TRACE = "trace"


class Mode(StrEnum):
    """How `track_*` and `exclude_*` select."""

    ALL = "all"
    """Everything; `track_*` only adds (thresholds, or what the default leaves out)."""
    TRACKONLY = "trackonly"
    """Only what `track_*` lists."""
    EXCLUDEONLY = "excludeonly"
    """Everything except what `exclude_*` lists."""
