"""Run the test programs of producer.bpf.c: operations for the real ring, without tracing."""

import ctypes
import os
import struct
import time
import weakref
from pathlib import Path
from typing import Final

import numpy as np

from aod.transport.eventlog import HEADER_DTYPE

CHUNK_SEC: Final = 0.001
OBJECT: Final = Path(__file__).resolve().parents[2] / "build" / "producer.bpf.o"

_OPERATION: Final = struct.Struct("<QQIIIIIi16sQ")
_NAME: Final = struct.Struct("<QII96sII")
_LOAD: Final = struct.Struct("<QQIIIiII")
_libbpf: Final = ctypes.CDLL("libbpf.so.1", use_errno=True)


class _RunOptions(ctypes.Structure):
    """struct bpf_test_run_opts, bpf/bpf.h."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("data_in", ctypes.c_void_p),
        ("data_out", ctypes.c_void_p),
        ("data_size_in", ctypes.c_uint32),
        ("data_size_out", ctypes.c_uint32),
        ("ctx_in", ctypes.c_void_p),
        ("ctx_out", ctypes.c_void_p),
        ("ctx_size_in", ctypes.c_uint32),
        ("ctx_size_out", ctypes.c_uint32),
        ("retval", ctypes.c_uint32),
        ("repeat", ctypes.c_int),
        ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("cpu", ctypes.c_uint32),
        ("batch_size", ctypes.c_uint32),
    )


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "libbpf")
    return result


def _close(fds: tuple[int, ...]) -> None:
    for fd in fds:
        os.close(fd)


class Producer:
    """The test programs of an installed tracer, by their pins."""

    def __init__(self, pin_dir: Path):
        self._programs = {
            path.name: _checked(_libbpf.bpf_obj_get(bytes(path)))
            for path in (pin_dir / "programs").iterdir()
        }
        weakref.finalize(self, _close, tuple(self._programs.values()))

    def _run(self, program: str, context: bytes) -> bytes:
        """Run it; its argument as it left it."""
        # ctypes lets other threads run during the call, so a reader may work meanwhile.
        buffer = ctypes.create_string_buffer(context, len(context))
        options = _RunOptions(
            sz=ctypes.sizeof(_RunOptions),
            ctx_in=ctypes.addressof(buffer),
            ctx_size_in=len(context),
        )
        _checked(_libbpf.bpf_prog_test_run_opts(self._programs[program], ctypes.byref(options)))
        return buffer.raw

    def _operation(
        self, program: str, mid: int, command: int, *, session: int = 1, tree: int = 1,
        pid: int = 100, tid: int = 100, status: int = 0, error: int = 0, comm: bytes = b"app",
        entry: int = 0,
    ) -> None:  # fmt: skip
        self._run(
            program,
            _OPERATION.pack(session, mid, tree, command, pid, tid, status, error, comm, entry),
        )

    def start(self, mid: int, command: int, **fields: int | bytes) -> None:
        """smb3_cmd_enter."""
        self._operation("test_start", mid, command, **fields)  # type: ignore[arg-type]

    def finish(self, mid: int, command: int, **fields: int | bytes) -> None:
        """smb3_cmd_done, or smb3_cmd_err with `status` and `error` (-errno)."""
        self._operation("test_finish", mid, command, **fields)  # type: ignore[arg-type]

    def queue(self, entry: int, mid: int, command: int, *, session: int = 1) -> None:
        """smb2_mid_entry_alloc returned the entry of an operation that has started."""
        self._operation("test_queue", mid, command, session=session, entry=entry)

    def release(self, entry: int) -> None:
        """__release_mid of that entry."""
        self._operation("test_release", 0, 0, entry=entry)

    def connection(self, command: int, **fields: int | bytes) -> None:
        """A connection event; `session` is the connection's id."""
        mid = int(fields.pop("mid", 0))
        self._operation("test_connection", mid, command, **fields)  # type: ignore[arg-type]

    def name(
        self, kind: int, text: bytes, *, number: int = 1, tree: int = 0, thread: int = 1
    ) -> None:
        """What smb3_tcon, or a connection event, names; number 0: a number made of the name."""
        self._run("test_name", _NAME.pack(number, tree, kind, text, thread, 0))

    def connect_tree(self, thread: int, session: int, tree: int) -> None:
        """smb3_cmd_done of a TREE_CONNECT, whose answer names the tree."""
        self._operation("test_connect_tree", 0, 3, session=session, tree=tree, tid=thread)

    def load(
        self, count: int, *, first_mid: int = 0, latency_ns: int = 1000, command: int = 9,
        status: int = 0, error: int = 0,
    ) -> int:  # fmt: skip
        """`count` finished operations at full speed, numbered by their mids; how many of them the
        ring took."""
        load = _LOAD.pack(first_mid, latency_ns, count, command, status, error, 1, 0)
        return int(_LOAD.unpack(self._run("test_load", load))[-1])

    def at_pace(
        self, per_second: int, seconds: float, *, latency_ns: int = 1000, command: int = 9
    ) -> float:
        """Finished operations in chunks of a millisecond; how many seconds they took, more than
        `seconds` where the core is too slow."""
        chunk, start = max(1, round(per_second * CHUNK_SEC)), time.monotonic()
        for number in range(round(seconds / CHUNK_SEC)):
            ahead = start + number * CHUNK_SEC - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            self.load(chunk, first_mid=number * chunk, latency_ns=latency_ns, command=command)
        return max(seconds, time.monotonic() - start)

    def operate(
        self, count: int, *, first_mid: int = 0, command: int = 5, status: int = 0, error: int = 0,
        tid: int = 1,
    ) -> None:  # fmt: skip
        """`count` operations started and finished at full speed: the whole path in the kernel."""
        self._run("test_operate", _LOAD.pack(first_mid, 0, count, command, status, error, tid, 0))


def change_counter(pin_dir: Path, command: int, counter: str, by: int) -> None:
    """Tamper with the kernel's counters, on the first CPU."""
    stats = HEADER_DTYPE["stats"].base
    path = bytes(pin_dir / "maps" / "stats")
    fd = _checked(_libbpf.bpf_obj_get(path))
    cpus = _checked(_libbpf.libbpf_num_possible_cpus())
    values = np.zeros(cpus, stats)
    key = ctypes.c_uint32(command)
    pointer = values.ctypes.data_as(ctypes.c_void_p)
    _checked(_libbpf.bpf_map_lookup_elem(fd, ctypes.byref(key), pointer))
    values[counter][0] = (int(values[counter][0]) + by) % (1 << 64)
    _checked(_libbpf.bpf_map_update_elem(fd, ctypes.byref(key), pointer, ctypes.c_uint64(0)))
    os.close(fd)
