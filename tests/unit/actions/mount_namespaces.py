"""What paths lead to in mount namespaces of our own, by the table and by the kernel itself.

Run as `unshare --mount python -m ...mount_namespaces WHAT FOLDER`; prints what it found as JSON.
The kernel says which mount a path led to as `mnt_id` (proc_pid_fdinfo(5)).
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aod.actions.mounts import Table
from aod.files import closing_fd

Judged = list[dict[str, str | None]]
TMPFS = ("mount", "-t", "tmpfs", "tmpfs")


def stacked(folder: Path) -> Judged:
    """Mounts below, beside and over each other."""
    base = _made(folder, "base")
    for name in ("a", "a/x", "a/x/y", "with blank", "bound", "b"):
        _run(*TMPFS, _made(base, name))
    _run("mount", "--bind", base / "with blank", base / "bound")  # over another, and of one device
    _run(*TMPFS, base / "a/x")  # hides a/x/y
    _run("mount", "--rbind", base / "a", base / "b")  # copies of what is hidden, too
    _run(*TMPFS, base / "a")  # hides all below
    _run(*TMPFS, _made(base, "a/x"))
    return _judged("/proc/self")


def changed_root(folder: Path) -> Judged:
    """The same, as seen from a root that is a mere folder."""
    stacked(folder)
    with closing_fd(os.open("/proc", os.O_PATH)) as proc:
        os.chroot(folder / "base")
        os.chdir("/")
        return _judged(f"/proc/self/fd/{proc}/self", proc)


def service(folder: Path) -> Judged:
    """A host that mounts something below a folder of which a service has its own."""
    _run(*TMPFS, folder)
    _run("mount", "--make-shared", folder)
    _made(folder, "tmp/share")
    _made(folder, "private")
    command = ("unshare", "--mount", "--propagation", "slave", *_me("inner"), str(folder))
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as inner:
        assert inner.stdout is not None
        inner.stdout.readline()  # it has its own
        _run(*TMPFS, folder / "tmp/share")
        found: Judged = json.loads(inner.communicate("mounted\n")[0])
    return found


def inner(folder: Path) -> Judged:
    """The service of `service`."""
    _run("mount", "--bind", folder / "private", folder / "tmp")
    print(flush=True)
    sys.stdin.readline()
    share = str(folder / "tmp/share")
    own, root = Table(_read("/proc/self")), f"/proc/{os.getppid()}/root"
    host = Table(_read(f"{root}/proc/{os.getppid()}"))
    led_to, hosts = own.at(share), host.at(share)
    assert led_to
    assert hosts
    return [
        {"by": "own", "table": led_to.mount_point, "wanted": str(folder / "tmp")},
        {"by": "host", "table": hosts.mount_point, "wanted": share},
        {"by": "host", "table": hosts.id, "wanted": _kernels(root + share)},
        *_judged("/proc/self"),
    ]


def _judged(process: str, proc: int | None = None) -> Judged:
    """Each mount's place, by the table and by the kernel; `proc` where /proc cannot be reached."""
    table = Table(_read("self", proc) if proc else _read(process))
    ids = {one.id for one in table.entries}
    found: Judged = []
    for one in table.entries:
        led_to, wanted = table.at(one.mount_point), _kernels(one.mount_point, proc)
        told = led_to.id if led_to else ""
        if wanted is None:  # what hides it has no such folder
            wanted = told if told != one.id else "not there"
        found.append(
            {"by": one.mount_point, "table": told, "wanted": wanted if wanted in ids else ""}
        )
    return found


def _kernels(path: str, proc: int | None = None) -> str | None:
    try:
        with closing_fd(os.open(path, os.O_PATH)) as fd:
            text = _text(f"self/fdinfo/{fd}", proc) if proc else _text(f"/proc/self/fdinfo/{fd}")
    except FileNotFoundError:
        return None
    return text.split("mnt_id:")[1].split()[0]


def _read(process: str, proc: int | None = None) -> str:
    return _text(f"{process}/mountinfo", proc)


def _text(path: str, proc: int | None = None) -> str:
    with os.fdopen(os.open(path, os.O_RDONLY, dir_fd=proc)) as file:
        return file.read()


def _made(folder: Path, name: str) -> Path:
    (folder / name).mkdir(parents=True, exist_ok=True)
    return folder / name


def _run(*argv: str | Path) -> None:
    subprocess.run(argv, check=True)


def _me(what: str) -> tuple[str, ...]:
    return (sys.executable, "-m", __spec__.name if __spec__ else __name__, what)


WHAT: dict[str, Callable[[Path], Any]] = {
    one.__name__: one for one in (stacked, changed_root, service, inner)
}

if __name__ == "__main__":
    print(json.dumps(WHAT[sys.argv[1]](Path(sys.argv[2]))))
