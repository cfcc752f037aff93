"""The programs and maps in the kernel, as Python uses them: a typed wrapper around the shim."""

import errno
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np

from aod import log
from aod._native import ffi, lib
from aod.event import COMMANDS, EVENT_DTYPE, Events
from aod.kernel.errors import TracerError, check, messages
from aod.kernel.objects import TracerSetup, build_id
from aod.kernel.thresholds import KernelThresholds, never
from aod.smb.peers import Names
from aod.text import printable
from aod.transport.eventlog import EventLog

MAX_IN_FLIGHT_EVENTS: Final = 4096
"""Hung operations that one scan can tell; the others are told when they finish."""
WAKE_FRACTION: Final = 4
"""A ring that is 1/4 full wakes its reader."""

_log: Final = log.ROOT.getChild("libbpf")


class DrainStop(IntEnum):
    """Why a drain ended."""

    EMPTY = lib.AOD_DRAIN_EMPTY
    LIMIT = lib.AOD_DRAIN_LIMIT
    FULL = lib.AOD_DRAIN_FULL


class Attachment(NamedTuple):
    """Whether a program is attached, and why not."""

    name: str
    error: int
    """0, or a positive errno: ENOENT means that the module with the tracepoint is not loaded."""

    @property
    def attached(self) -> bool:
        return self.error == 0


@dataclass(frozen=True, slots=True)
class Drained:
    """What one drain copied: log positions [start, start + count)."""

    start: int
    count: int
    matched: int
    malformed: int
    ring_position: int
    stop: DrainStop


def probe(program: bytes) -> None:
    """Load the object and throw it away.

    Raises:
        TracerError: this kernel, or this user's rights, do not allow it.
    """
    check(lib.aod_probe(program, len(program)), "loading the eBPF object")


def remove(pin_dir: Path) -> None:
    """Detach the programs and drop the maps of `pin_dir`; nothing to do where there is none."""
    result = lib.aod_remove(bytes(pin_dir))
    if result != -errno.ENOENT:
        check(result, f"removing {pin_dir}")


class Tracer:
    """The kernel's side, opened from its pins; whoever opens it next goes on where this stopped."""

    def __init__(self, pin_dir: Path):
        self.replaced = 0
        """Records of another build that nobody had read when this one took its place."""
        out = ffi.new("struct aod_tracer **")
        check(lib.aod_open(bytes(pin_dir), out), f"opening the pins in {pin_dir}")
        self._tracer = out[0]
        self._control = lib.aod_control(self._tracer)
        self._drained = ffi.new("struct aod_drained *")
        self._events = np.zeros(MAX_IN_FLIGHT_EVENTS, EVENT_DTYPE)
        self._c_events = ffi.from_buffer("struct aod_event *", self._events.data)
        self._ring_bytes = int(lib.aod_ring_bytes(self._tracer))
        self._hanging_ns = never()
        self.wake_fd = int(lib.aod_wake_fd(self._tracer))

    @classmethod
    def install(cls, program: bytes, setup: TracerSetup, thresholds: KernelThresholds) -> Self:
        """Load the object, pin it and open it.

        Raises:
            TracerError: the kernel refused, or bpffs is not there.
        """
        staging = setup.pin_dir.with_name(setup.pin_dir.name + "-new")  # bpffs refuses dots
        remove(staging)
        paths = setup.pin_dir, staging, setup.beside
        names = [ffi.new("char[]", bytes(path)) if path else ffi.NULL for path in paths]
        c_setup = ffi.new("struct aod_setup *")
        c_setup.pin_dir, c_setup.staging_dir, c_setup.beside_dir = names
        c_setup.ring_bytes, c_setup.max_inflight = setup.ring_bytes, setup.max_inflight
        c_setup.ring_id = secrets.randbits(64)
        c_setup.build_id = build_id(program, setup)
        _fill_thresholds(ffi.addressof(c_setup, "thresholds"), thresholds, setup.ring_bytes)
        check(lib.aod_install(program, len(program), c_setup), "loading the eBPF object")
        if said := messages():
            _log.debug("%s", said)
        tracer = cls(setup.pin_dir)
        tracer.set_thresholds(thresholds)
        return tracer

    @classmethod
    def adopt(cls, program: bytes, setup: TracerSetup, thresholds: KernelThresholds) -> Self:
        """Go on with what a predecessor left, if it is the same build; else replace it."""
        try:
            tracer = cls(setup.pin_dir)
        except TracerError as error:
            if error.errno != errno.ENOENT:
                raise
            remove(setup.pin_dir)
            return cls.install(program, setup, thresholds)
        if bytes(ffi.buffer(tracer._control.build_id)) == build_id(program, setup):
            tracer.set_thresholds(thresholds)
            return tracer
        remove(setup.pin_dir)  # it records no more: what nobody has read now, nobody will
        unread = tracer.pending()
        tracer.close()
        tracer = cls.install(program, setup, thresholds)
        tracer.replaced = unread
        return tracer

    def set_thresholds(self, thresholds: KernelThresholds) -> None:
        """Change thresholds and tracked errors under the running programs."""
        self._hanging_ns = np.concatenate(thresholds.hanging_ns or (thresholds.emergency_ns,))
        _fill_thresholds(lib.aod_thresholds(self._tracer), thresholds, self._ring_bytes)

    def simulate_drops(self, percent: float) -> None:
        """Lose this share of the records on purpose, and count them; 0: none, whatever a
        predecessor was told. It stays when the thresholds are set anew."""
        thresholds = lib.aod_thresholds(self._tracer)
        thresholds.simulate_drops = round(percent / 100 * 2**32)

    def set_own(self, pids: Sequence[int]) -> None:
        """From now on operations of these processes (all others: no longer) carry `OWN`."""
        c_pids = ffi.new("uint32_t[]", list(pids))
        check(lib.aod_set_own(self._tracer, c_pids, len(pids)), "marking our own processes")

    def attach(self) -> tuple[Attachment, ...]:
        """Attach what is not attached yet; which programs are, and why the others are not."""
        rows = ffi.new("struct aod_attachment[]", lib.AOD_MAX_PROGRAMS)
        count = lib.aod_attach(self._tracer, rows, lib.AOD_MAX_PROGRAMS)
        return tuple(
            Attachment(ffi.string(rows[i].name).decode(), rows[i].error) for i in range(count)
        )

    def attach_mid_release(self, program: bytes) -> None:
        """Recognise an unanswered operation when the client releases its mid.

        The cifs module must be loaded. Without these hooks, such an operation is recognised by what
        its thread does next, or by its age.

        Raises:
            TracerError: ENOENT: the module has no BTF; ESRCH: the hooks do not know its functions;
                else what the kernel refused.
        """
        check(
            lib.aod_attach_mid_release(self._tracer, program, len(program)),
            "loading the hooks on the cifs module's functions",
        )

    def adopt_log(self, log: EventLog) -> None:
        """Go on in this log, where its last writer stopped."""
        check(lib.aod_log_adopt(self._tracer, log.c_header), "adopting the event log")

    def begin_drain(self) -> None:
        """Ask to be woken again; before the first drain of a round, so that nothing slips by."""
        self._control.wake_pending = 0

    def drain(self, log: EventLog, limit: int, max_records: int) -> Drained:
        """Copy records from the kernel's ring into the log, not past log position `limit`.

        One call into C for any number of records; they and both positions are committed together.
        """
        out = self._drained
        check(lib.aod_drain(self._tracer, log.c_header, limit, max_records, out), "draining")
        return Drained(
            out.start,
            out.count,
            out.matched,
            out.malformed,
            out.ring_position,
            DrainStop(out.stop),
        )

    def pending(self) -> int:
        """Records in the ring that no drain has taken."""
        return int(lib.aod_pending(self._tracer))

    def scan_in_flight(
        self, log: EventLog, limit: int, now_ns: int, give_up_ns: Sequence[int]
    ) -> Events:
        """Operations that came of an emergency's age since the last scan, appended to the log.

        Returns:
            The records that were appended (latency = age): flag IN_FLIGHT, or UNANSWERED for those
            that were given up and may have been told before. `give_up_ns` (by command, `COMMANDS`
            of them) is the age at which an operation counts as unanswered.
        """
        give_up = ffi.new("uint64_t[]", list(give_up_ns))
        hanging = ffi.from_buffer("uint64_t[]", self._hanging_ns.data)
        ages = ffi.new("struct aod_ages *", (give_up, hanging, len(self._hanging_ns) // COMMANDS))
        room = max(0, min(len(self._events), limit - log.position))
        found = check(
            lib.aod_scan_inflight(self._tracer, log.c_header, now_ns, ages, self._c_events, room),
            "scanning the operations in flight",
        )
        lib.aod_log_append(log.c_header, limit, self._c_events, found)
        self._control.scanned_ns = now_ns
        return self._events[:found]

    def publish_stats(self, log: EventLog, now_ns: int) -> None:
        """Copy the kernel's counters into the head of the log."""
        check(lib.aod_publish_stats(self._tracer, log.c_header, now_ns), "reading the counters")

    @property
    def names_changed(self) -> int:
        """Moves whenever a name becomes known."""
        return int(self._control.names_changed)

    def names(self) -> Names:
        """Who is at the other end, as far as the client told."""
        rows = ffi.new("struct aod_named[]", lib.AOD_MAX_NAMES)
        found = [rows[i] for i in range(lib.aod_names(self._tracer, rows, lib.AOD_MAX_NAMES))]
        texts = [(row.key, printable(ffi.string(row.name.text))) for row in found]
        return Names(
            {(k.id, k.tree_id): text for k, text in texts if k.kind == lib.AOD_NAME_SHARE},
            {k.id: text for k, text in texts if k.kind == lib.AOD_NAME_SERVER},
        )

    def add_names(self, names: Names) -> None:
        """Add names that were learned elsewhere; what the client told itself stays."""
        shares = [(lib.AOD_NAME_SHARE, *key, text) for key, text in names.shares.items()]
        servers = [(lib.AOD_NAME_SERVER, key, 0, text) for key, text in names.servers.items()]
        for kind, number, tree_id, text in [*shares, *servers]:
            row = ffi.new("struct aod_named *")
            row.key.kind, row.key.id, row.key.tree_id = kind, number, tree_id
            row.name.text = text.encode()[: ffi.sizeof("union aod_name") - 1]
            check(lib.aod_add_name(self._tracer, row), "adding a name")

    def close(self) -> None:
        """Close what this process opened; the kernel's side goes on."""
        if self._tracer != ffi.NULL:
            lib.aod_close(self._tracer)
            self._tracer = ffi.NULL


def _fill_thresholds(target: Any, thresholds: KernelThresholds, ring_bytes: int) -> None:
    for name in ("threshold_ns", "emergency_ns", "tracked_errors"):
        table = getattr(thresholds, name)
        ffi.memmove(getattr(target, name), table.tobytes(), table.nbytes)
    target.wake_bytes = ring_bytes // WAKE_FRACTION
    target.matching_only = thresholds.matching_only
