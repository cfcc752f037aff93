"""The programs and maps in the kernel: a typed wrapper around the shim (native/aod.h)."""

import errno
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple, Self

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

_logger: Final = log.ROOT.getChild("libbpf")

RING_BUFFER: Final = 27
"""The kind of map through which records come (enum bpf_map_type of linux/bpf.h)."""


class DrainStop(IntEnum):
    """Why a drain ended."""

    EMPTY = lib.AOD_DRAIN_EMPTY
    LIMIT = lib.AOD_DRAIN_LIMIT
    FULL = lib.AOD_DRAIN_FULL


class Attachment(NamedTuple):
    """Whether a program is attached, and why not."""

    name: str
    error: int
    """0: it is, or a positive errno: ENOENT if the module with the tracepoint is not loaded."""


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
    """Load the object and drop it. Raises TracerError: this kernel, or this user's rights, do not
    allow it."""
    check(lib.aod_probe(program, len(program)), "loading the eBPF object")


def map_refusal(kind: int) -> int:
    """Why the kernel makes no map of this kind, one without keys and values: a positive errno.

    0: it does. EINVAL: it does not know this kind (kernel/bpf/syscall.c, map_create)."""
    return -int(lib.aod_probe_map(kind))


def remove(pin_dir: Path) -> None:
    """Detach the programs and drop the maps of `pin_dir`; nothing to do where there is none."""
    result = lib.aod_remove(bytes(pin_dir))
    if result != -errno.ENOENT:
        check(result, f"removing {pin_dir}")


class Tracer:
    """The kernel's side, opened from its pins; the next process that opens it continues there."""

    def __init__(self, pin_dir: Path):
        self.replaced = 0
        """Records of another build that were unread when this one replaced it."""
        out = ffi.new("struct aod_tracer **")
        check(lib.aod_open(bytes(pin_dir), out), f"opening the pins in {pin_dir}")
        self._tracer = out[0]
        self._control = lib.aod_control(self._tracer)
        self._drained = ffi.new("struct aod_drained *")
        # Of hung operations, by one scan; those without room get theirs when they finish.
        self._events = np.zeros(4096, EVENT_DTYPE)
        self._c_events = ffi.from_buffer("struct aod_event *", self._events.data)
        self._hanging_ns = never()
        self.wake_fd = int(lib.aod_wake_fd(self._tracer))

    @classmethod
    def install(cls, program: bytes, setup: TracerSetup, thresholds: KernelThresholds) -> Self:
        """Load the object, pin it and open it. Raises TracerError: the kernel refused, or there is
        no bpffs."""
        staging = setup.pin_dir.with_name(setup.pin_dir.name + "-new")  # bpffs refuses dots
        remove(staging)
        paths = setup.pin_dir, staging, setup.beside
        names = [ffi.new("char[]", bytes(path)) if path else ffi.NULL for path in paths]
        sizes = setup.ring_bytes, setup.max_inflight
        identity = secrets.randbits(64), build_id(program, setup)
        c_setup = ffi.new("struct aod_setup *", (*names, *sizes, *identity))
        check(lib.aod_install(program, len(program), c_setup), "loading the eBPF object")
        if text := messages():
            _logger.debug("%s", text)
        tracer = cls(setup.pin_dir)
        tracer.set_thresholds(thresholds)
        return tracer

    @classmethod
    def adopt(cls, program: bytes, setup: TracerSetup, thresholds: KernelThresholds) -> Self:
        """Continue with what a predecessor left, if it is of the same build; else replace it."""
        unread = 0
        try:
            tracer = cls(setup.pin_dir)
        except TracerError as error:
            if error.errno != errno.ENOENT:
                raise
            remove(setup.pin_dir)
        else:
            if bytes(ffi.buffer(tracer._control.build_id)) == build_id(program, setup):
                tracer.set_thresholds(thresholds)
                return tracer
            remove(setup.pin_dir)  # it makes no more records: what is unread now stays so
            unread = tracer.pending()
            tracer.close()
        tracer = cls.install(program, setup, thresholds)
        tracer.replaced = unread
        return tracer

    def set_thresholds(self, thresholds: KernelThresholds) -> None:
        """Change thresholds and tracked errors under the running programs."""
        self._hanging_ns = np.concatenate(thresholds.hanging_ns or (thresholds.emergency_ns,))
        thresholds.write_to(lib.aod_thresholds(self._tracer), int(lib.aod_ring_bytes(self._tracer)))

    def simulate_drops(self, percent: float) -> None:
        """Lose this share of the records on purpose, and count them; 0: none. New thresholds do not
        change it; each successor sets it again."""
        lib.aod_thresholds(self._tracer).simulate_drops = round(percent / 100 * 2**32)

    def set_own(self, pids: Sequence[int]) -> None:
        """From now on operations of these processes, and of no others, carry `OWN`."""
        c_pids = ffi.new("uint32_t[]", list(pids))
        check(lib.aod_set_own(self._tracer, c_pids, len(pids)), "marking our own processes")

    def attach(self) -> tuple[Attachment, ...]:
        """Attach what is not attached yet; all programs, and why some are not attached."""
        rows = ffi.new("struct aod_attachment[]", lib.AOD_MAX_PROGRAMS)
        count = lib.aod_attach(self._tracer, rows, lib.AOD_MAX_PROGRAMS)
        found = [rows[i] for i in range(count)]
        return tuple(Attachment(ffi.string(row.name).decode(), row.error) for row in found)

    def attach_mid_release(self, program: bytes) -> None:
        """Recognise an unanswered operation when the client releases its mid.

        The cifs module must be loaded. Without these hooks, such an operation is recognised by what
        its thread does next, or by its age. Raises TracerError: ENOENT: the module has no BTF;
        ESRCH: the hooks do not know its functions; else what the kernel refused."""
        result = lib.aod_attach_mid_release(self._tracer, program, len(program))
        check(result, "loading the hooks on the cifs module's functions")

    def adopt_log(self, event_log: EventLog) -> None:
        """Continue in this log, where its last writer stopped."""
        check(lib.aod_log_adopt(self._tracer, event_log.c_header), "adopting the event log")

    def begin_drain(self) -> None:
        """Ask to be woken again; before the first drain of a round, so that none is missed."""
        self._control.wake_pending = 0

    def drain(self, event_log: EventLog, limit: int, max_records: int) -> Drained:
        """Copy records from the kernel's ring into the log, not past log position `limit`. One call
        into C for any number of records; they and both positions are committed together."""
        out = self._drained
        result = lib.aod_drain(self._tracer, event_log.c_header, limit, max_records, out)
        check(result, "draining")
        copied = out.start, out.count, out.matched, out.malformed
        return Drained(*copied, out.ring_position, DrainStop(out.stop))

    def pending(self) -> int:
        """Records in the ring that no drain has taken."""
        return int(lib.aod_pending(self._tracer))

    def scan_in_flight(
        self, event_log: EventLog, limit: int, now_ns: int, give_up_ns: Sequence[int]
    ) -> Events:
        """Append operations that reached an emergency threshold since the last scan to the log.

        `give_up_ns`: by command, the age at which an operation counts as unanswered. Returns the
        records that were appended (latency = age): flag IN_FLIGHT, or UNANSWERED for those that
        were given up, which may have had a record IN_FLIGHT before."""
        give_up = ffi.new("uint64_t[]", list(give_up_ns))
        hanging = ffi.from_buffer("uint64_t[]", self._hanging_ns.data)
        ages = ffi.new("struct aod_ages *", (give_up, hanging, len(self._hanging_ns) // COMMANDS))
        room = max(0, min(len(self._events), limit - event_log.position))
        head = event_log.c_header
        found = lib.aod_scan_inflight(self._tracer, head, now_ns, ages, self._c_events, room)
        check(found, "scanning the operations in flight")
        lib.aod_log_append(head, limit, self._c_events, found)
        self._control.scanned_ns = now_ns
        return self._events[:found]

    def publish_stats(self, event_log: EventLog, now_ns: int) -> None:
        """Copy the kernel's counters into the head of the log."""
        result = lib.aod_publish_stats(self._tracer, event_log.c_header, now_ns)
        check(result, "reading the counters")

    @property
    def names_changed(self) -> int:
        """A counter that moves whenever a name becomes known."""
        return int(self._control.names_changed)

    def names(self) -> Names:
        """The names of shares and servers that the client has traced."""
        rows = ffi.new("struct aod_named[]", lib.AOD_MAX_NAMES)
        found = [rows[i] for i in range(lib.aod_names(self._tracer, rows, lib.AOD_MAX_NAMES))]
        texts = [(row.key, printable(ffi.string(row.name.text))) for row in found]
        return Names(
            {(k.id, k.tree_id): text for k, text in texts if k.kind == lib.AOD_NAME_SHARE},
            {k.id: text for k, text in texts if k.kind == lib.AOD_NAME_SERVER},
        )

    def add_names(self, names: Names) -> None:
        """Add names from elsewhere; those that the client has traced stay."""
        keys = [((*key, lib.AOD_NAME_SHARE), text) for key, text in names.shares.items()]
        keys += [((key, 0, lib.AOD_NAME_SERVER), text) for key, text in names.servers.items()]
        for key, text in keys:
            name = text.encode()[: ffi.sizeof("union aod_name") - 1]
            row = ffi.new("struct aod_named *", (key, (name,)))
            check(lib.aod_add_name(self._tracer, row), "adding a name")

    def close(self) -> None:
        """Close what this process opened; the kernel's side continues."""
        if self._tracer != ffi.NULL:
            lib.aod_close(self._tracer)
            self._tracer = ffi.NULL
