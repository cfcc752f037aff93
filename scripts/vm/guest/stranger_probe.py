"""What an unprivileged user can do with given paths and processes: a program run as that user.

Standard input: JSON, `{"paths": [...], "pids": [...], "abstract": [...]}`. Standard output: a JSON
list of what was possible, "how what".
"""

import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Final

_libc: Final = ctypes.CDLL(None, use_errno=True)
_PTRACE_SEIZE: Final = 0x4206
_SYS_BPF: Final = 321  # x86-64
_BPF_OBJ_GET: Final = 7
_NEXT_ID: Final = {"program": 11, "map": 12, "BTF": 23, "link": 31}
_BY_ID: Final = {"program": 13, "map": 14, "BTF": 19, "link": 30}
_MOST_IDS: Final = 1000
_PRIVATE: Final = (
    *("auxv", "environ", "fd", "fdinfo", "io", "map_files", "maps", "mem", "ns/mnt", "pagemap"),
    *("personality", "smaps", "stack", "syscall", "root/", "cwd/"),
)
"""Below /proc/PID: what is not for everybody."""


def _can(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _open(path: str, flags: int) -> None:
    os.close(os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC))


def _called(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _connect(address: str) -> Callable[[], None]:
    def attempt() -> None:
        for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
            with closing(socket.socket(socket.AF_UNIX, kind)) as stranger:
                stranger.setblocking(False)
                try:
                    stranger.connect(address)
                except BlockingIOError:
                    return
                except OSError as error:
                    if kind is socket.SOCK_DGRAM:
                        raise error from None
                else:
                    return

    return attempt


def _obj_get(path: str) -> None:
    name = ctypes.create_string_buffer(os.fsencode(path))
    attributes = (ctypes.c_uint64 * 2)(ctypes.addressof(name), 0)
    _called(_libc.syscall(_SYS_BPF, _BPF_OBJ_GET, attributes, 16))


def _execute(path: str) -> None:
    if not (os.access(path, os.X_OK) and Path(path).is_file()):
        raise PermissionError(path)


def _of_path(path: str) -> Iterator[tuple[str, Callable[[], object]]]:
    inside = os.path.join(path, "of-a-stranger")  # noqa: PTH118
    yield "read", lambda: _open(path, os.O_RDONLY)
    yield "write", lambda: _open(path, os.O_WRONLY)
    yield "list", lambda: os.scandir(path).close()
    yield "create in", lambda: _open(inside, os.O_WRONLY | os.O_CREAT)
    yield "connect", _connect(path)
    yield "execute", lambda: _execute(path)
    yield "change", lambda: os.utime(path)
    yield "get the BPF object", lambda: _obj_get(path)


def _something(path: str) -> bytes:
    """What a process shows of itself; one that has ended, and is not reaped yet, shows nothing."""
    content = os.read(os.open(path, os.O_RDONLY), 1)
    if not content:
        raise FileNotFoundError(path)
    return content


def _of_process(pid: int) -> Iterator[tuple[str, Callable[[], object]]]:
    for name in _PRIVATE:
        path = f"/proc/{pid}/{name}"
        yield f"read {name} of", lambda path=path: _something(path)  # type: ignore[misc]
        yield f"list {name} of", lambda path=path: os.scandir(path).close()  # type: ignore[misc]
    yield "write mem of", lambda: _open(f"/proc/{pid}/mem", os.O_WRONLY)
    yield "reniced", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19)
    yield "pin", lambda: os.sched_setaffinity(pid, {0})
    yield "signal", lambda: os.kill(pid, 0)
    yield "signal by pidfd", lambda: signal.pidfd_send_signal(os.pidfd_open(pid), 0)
    yield "take descriptors of", lambda: _called(_libc.syscall(438, os.pidfd_open(pid), 0, 0))
    yield "limit", lambda: _called(_libc.prlimit(pid, 7, 0, ctypes.byref((ctypes.c_uint64 * 2)())))
    yield "trace", lambda: _called(_libc.ptrace(_PTRACE_SEIZE, pid, None, None))


def _bpf_by_id() -> Iterator[tuple[str, Callable[[], object]]]:
    for kind, command in _NEXT_ID.items():
        yield f"look for a BPF {kind}", lambda c=command: _called(_bpf_id(c, 0))  # type: ignore[misc]
    for kind, command in _BY_ID.items():
        yield f"open a BPF {kind}", lambda c=command: _called(_first(c))  # type: ignore[misc]


def _bpf_id(command: int, number: int) -> int:
    return int(_libc.syscall(_SYS_BPF, command, (ctypes.c_uint32 * 4)(number), 16))


def _first(command: int) -> int:
    return max(_bpf_id(command, number) for number in range(1, _MOST_IDS))


@cache
def _is_searched(folder: str) -> bool:
    return os.access(folder, os.X_OK)


def _is_reached(path: str) -> bool:
    """Whether names in its folder can be used at all: there are thousands in some."""
    return _is_searched(str(Path(path).parent))


def _outcomes(asked: dict[str, Any]) -> Iterator[str]:
    for path in filter(_is_reached, asked["paths"]):
        yield from (f"{how} {path}" for how, attempt in _of_path(path) if _can(attempt))
    for pid in asked["pids"]:
        yield from (f"{how} {pid}" for how, attempt in _of_process(pid) if _can(attempt))
    for name in asked["abstract"]:
        if _can(_connect(f"\0{name}")):
            yield f"connect @{name}"
    yield from (how for how, attempt in _bpf_by_id() if _can(attempt))


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump({"open": list(_outcomes(asked)), "uid": os.getuid()}, sys.stdout)
