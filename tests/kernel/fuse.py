"""A file whose reader hangs in the kernel, in D state: a FUSE file system that never answers READ.

Written against linux/fuse.h: INIT, LOOKUP, GETATTR and OPEN are answered, the rest with ENOSYS. A
reader whose request was taken and is not answered cannot be killed; it goes on (with ENOTCONN) when
the connection is closed, which the end of the context does.
"""

import ctypes
import errno
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

NAME: Final = "file"
_LOOKUP, _FORGET, _GETATTR, _OPEN, _READ, _STATFS, _INIT, _OPENDIR = 1, 2, 3, 14, 15, 17, 26, 27
_BATCH_FORGET, _INTERRUPT = 42, 36
_SILENT: Final = frozenset({_FORGET, _BATCH_FORGET, _INTERRUPT, _READ})
"""Those without an answer, by protocol, and the one that this is about."""
_IN: Final = struct.Struct("<IIQQIIIHH")
_OUT: Final = struct.Struct("<IiQ")
_INIT_OUT: Final = struct.Struct("<IIIIHHIIHHI7I")
_ATTR: Final = struct.Struct("<QQQQQQIIIIIIIIII")
_ENTRY: Final = struct.Struct("<QQQQII")
_ROOT, _FILE = 1, 2
_DIRECT_IO: Final = 1
"""Every reader asks for itself; none waits, killable, for what another one has asked for."""
_LARGEST: Final = 1 << 20
_DETACH: Final = 2
_libc: Final = ctypes.CDLL(None, use_errno=True)


def _attributes(node: int) -> bytes:
    mode = 0o040755 if node == _ROOT else 0o100644
    return _ATTR.pack(node, 4096, 8, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def _answer(opcode: int, node: int, body: bytes) -> bytes | int:
    """What to answer; a number is an errno."""
    match opcode:
        case 26:  # INIT
            return _INIT_OUT.pack(7, 31, 0, 0, 1, 1, 4096, 1, 1, 0, 0, *[0] * 7)
        case 1:  # LOOKUP
            if body.rstrip(b"\0") != NAME.encode():
                return errno.ENOENT
            return _ENTRY.pack(_FILE, 0, 1000, 1000, 0, 0) + _attributes(_FILE)
        case 3:  # GETATTR
            return struct.pack("<QII", 1000, 0, 0) + _attributes(node)
        case 14:  # OPEN
            return struct.pack("<QII", 0, _DIRECT_IO, 0)
    return errno.ENOSYS


def _serve(device: int, asked: threading.Event, hanging: frozenset[int]) -> None:
    while True:
        try:
            request = os.read(device, _LARGEST)
        except OSError:  # unmounted
            return
        _, opcode, unique, node, *_ = _IN.unpack_from(request)
        if opcode in hanging:
            asked.set()
        if opcode in _SILENT | hanging:
            continue
        answer = _answer(opcode, node, request[_IN.size :])
        code, body = (-answer, b"") if isinstance(answer, int) else (0, answer)
        os.write(device, _OUT.pack(_OUT.size + len(body), code, unique) + body)


def _checked(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class HangingFile:
    """A file that hangs its readers.

    Attributes:
        path: the file.
        asked: set when somebody reads it.
    """

    def __init__(self, mount_point: Path) -> None:
        self.path = mount_point / NAME
        self.asked = threading.Event()


def hanging_folder(mount_point: Path) -> AbstractContextManager[HangingFile]:
    """A folder that hangs whoever opens it or asks for its free space."""
    return hanging_file(mount_point, frozenset({_OPENDIR, _STATFS}))


@contextmanager
def hanging_file(
    mount_point: Path, hanging: frozenset[int] = frozenset({_READ})
) -> Iterator[HangingFile]:
    """Mount it (root only); at the end its readers go on.

    Raises:
        OSError: this kernel or this container does not mount FUSE.
    """
    mount_point.mkdir(exist_ok=True)
    found = HangingFile(mount_point)
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    try:
        _checked(_libc.mount(b"aod-test", os.fsencode(mount_point), b"fuse", 6, options.encode()))
        server = threading.Thread(target=_serve, args=(device, found.asked, hanging), daemon=True)
        server.start()
        try:
            yield found
        finally:
            _abort(mount_point)
            _checked(_libc.umount2(os.fsencode(mount_point), _DETACH))
            server.join(10)
    finally:
        os.close(device)


def _abort(mount_point: Path) -> None:
    """End the connection: every request fails, and the server's read, too."""
    minor = os.minor(mount_point.stat().st_dev)
    control = Path("/sys/fs/fuse/connections")
    if not (control / str(minor)).exists():
        control_mount = os.fsencode(control)
        _checked(_libc.mount(b"fusectl", control_mount, b"fusectl", 0, None))
    (control / str(minor) / "abort").write_text("1")
