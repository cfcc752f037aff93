"""What a process that gave up rights can still do, tried by itself."""

import ctypes
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

LIBC: Final = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWUSER: Final = 0x10000000
_TIOCSTI: Final = 0x5412
# x86-64 and aarch64; the arguments make each call harmless where it is allowed.
_NUMBERS: Final = {
    "x86_64": {"execve": 59, "ptrace": 101, "mount": 165, "unshare": 272, "setns": 308, "bpf": 321}
    | {"perf_event_open": 298, "io_uring_setup": 425, "keyctl": 250, "userfaultfd": 323}
    | {"open_by_handle_at": 304, "init_module": 175, "process_vm_readv": 310, "clone3": 435}
    | {"open_tree": 428, "kexec_load": 246, "syslog": 103, "mknodat": 259, "fork": 57, "clone": 56},
    "aarch64": {"execve": 221, "ptrace": 117, "mount": 40, "unshare": 97, "setns": 268, "bpf": 280}
    | {"perf_event_open": 241, "io_uring_setup": 425, "keyctl": 219, "userfaultfd": 282}
    | {"open_by_handle_at": 265, "init_module": 105, "process_vm_readv": 270, "clone3": 435}
    | {"open_tree": 428, "kexec_load": 104, "syslog": 116, "mknodat": 33, "clone": 220},
}
_HARMLESS: Final[dict[str, tuple[int, ...]]] = {
    "unshare": (-1,),
    "userfaultfd": (-1,),
    "syslog": (-1, 0, 0),
    "clone": (_CLONE_NEWUSER | 0x00010000, 0),  # CLONE_THREAD without CLONE_SIGHAND: EINVAL
    "bpf": (-1, 0, 0),
    "ptrace": (-1, -1, 0, 0),
    "keyctl": (-1, 0, 0, 0, 0),
}
_LEFT_OUT: Final = {"fork"}
"""Nothing makes it harmless: it is tried where it has to be refused."""


def report() -> dict[str, Any]:
    status = _status(Path("/proc/self/status").read_text())
    calls = {name: _error(call) for name, call in _calls(filtered=status["Seccomp"] == 2).items()}
    return {"status": status, "calls": calls, "of a child": _capabilities_of_a_child()}


def _status(text: str) -> dict[str, Any]:
    lines = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    found: dict[str, Any] = {name: int(lines[name], 16) for name in lines if name.startswith("Cap")}
    found |= {name: int(lines[name]) for name in ("NoNewPrivs", "Seccomp")}
    return found | {name: [*map(int, lines[name].split())] for name in ("Uid", "Gid", "Groups")}


def _calls(*, filtered: bool) -> dict[str, Callable[[], object]]:
    calls: dict[str, Callable[[], object]] = {
        name: lambda number=number, name=name: _syscall(number, *_HARMLESS.get(name, (0,) * 6))  # type: ignore[misc]
        for name, number in _NUMBERS[os.uname().machine].items()
        if filtered or name not in _LEFT_OUT
    }
    return calls | {
        "tcp socket": lambda: socket.socket(socket.AF_INET).close(),
        "netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
        "words for a terminal": lambda: _check(LIBC.ioctl(99, _TIOCSTI, b"x")),
        "unix socket": lambda: socket.socket(socket.AF_UNIX).close(),
        "eventfd": lambda: os.close(os.eventfd(0)),
        "memfd": lambda: os.close(os.memfd_create("test")),
        "thread": _thread,
    }


def _thread() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def _syscall(number: int, *arguments: int) -> None:
    pid = LIBC.syscall(number, *map(ctypes.c_long, arguments))
    if pid == 0 and number == _NUMBERS["x86_64"]["fork"]:
        os._exit(0)
    _check(pid)


def _check(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _error(call: Callable[[], object]) -> int:
    try:
        call()
    except OSError as error:
        return error.errno or -1
    return 0


def _capabilities_of_a_child() -> int:
    """Its permitted ones; 0 where no program can be started."""
    code = "print(next(l for l in open('/proc/self/status') if l.startswith('CapPrm')).split()[1])"
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    except OSError:
        return 0
    return int(done.stdout, 16)
