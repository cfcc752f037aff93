"""The record as a numpy dtype, made of its only declaration (ebpf/event.h)."""

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aod._native import ffi, lib

COMMANDS: Final = int(lib.AOD_COMMANDS)
ERRNO_LIMIT: Final = int(lib.AOD_ERRNO_LIMIT)
IN_FLIGHT: Final = int(lib.AOD_EVENT_IN_FLIGHT)
MATCHED: Final = int(lib.AOD_EVENT_MATCHED)
CONNECTION: Final = int(lib.AOD_EVENT_CONNECTION)
UNANSWERED: Final = int(lib.AOD_EVENT_UNANSWERED)
OWN: Final = int(lib.AOD_EVENT_OWN)

Events: TypeAlias = NDArray[np.void]
"""Shape (n,), dtype `EVENT_DTYPE`."""


def struct_dtype(name: str) -> np.dtype[np.void]:
    """The dtype of a C struct of the shim: same names, offsets, widths and size."""
    struct = ffi.typeof(f"struct {name}")
    return np.dtype(
        {
            "names": [name for name, _ in struct.fields],
            "formats": [_field_dtype(info.type) for _, info in struct.fields],
            "offsets": [info.offset for _, info in struct.fields],
            "itemsize": ffi.sizeof(struct),
        }
    )


def _field_dtype(ctype: Any) -> np.dtype[np.generic]:
    if ctype.kind == "struct":
        return struct_dtype(ctype.cname.removeprefix("struct "))
    if ctype.kind != "array":
        return np.dtype(str(ctype.cname).removesuffix("_t"))  # uint64_t and its like
    if ctype.item.cname == "char":
        return np.dtype(f"S{ctype.length}")
    return np.dtype((_field_dtype(ctype.item), (ctype.length,)))


EVENT_DTYPE: Final = struct_dtype("aod_event")
"""64 bytes: end_ns latency_ns session_id mid (u8) tree_id pid status (u4) error (i2, -errno)
command flags (u1) comm (S16). Times in ns, end_ns CLOCK_MONOTONIC."""

_OPAQUE: Final = np.dtype((np.void, EVENT_DTYPE.itemsize))


def joined(*parts: Events) -> Events:
    """A copy of these records, one after the other.

    Copied as opaque bytes: field by field, as numpy does otherwise, takes twenty times as long. To
    select records, `compress` and `take` are as fast; `[mask]` is not."""
    return np.concatenate([part.view(_OPAQUE) for part in parts]).view(EVENT_DTYPE)


def without_own(events: Events) -> Events:
    """These records without those of the daemon's own children; no copy where there are none."""
    own = (events["flags"] & OWN) != 0
    return events.compress(~own) if own.any() else events


NO_EVENTS: Final[Events] = np.empty(0, EVENT_DTYPE)
_TIES: Final = ("command", "mid", "session_id", "flags", "latency_ns", "end_ns")
"""The last one is the first criterion (numpy.lexsort)."""


def in_order(events: Events) -> Events:
    """These records sorted by their end, and where that is equal, by their content.

    Records of several processors arrive nearly in order; with one order for all, what is declared
    does not depend on how they arrived."""
    times = events["end_ns"]
    if (times[1:] > times[:-1]).all():
        return events
    by_time = np.argsort(times, kind="stable")
    ordered = times[by_time]
    if (ordered[1:] > ordered[:-1]).all():
        return events.take(by_time)
    return events.take(np.lexsort([events[field] for field in _TIES]))


def order_key(record: np.void) -> tuple[int, ...]:
    """What `in_order` compares of a record."""
    return tuple(int(record[field]) for field in reversed(_TIES))
