"""What goes wrong between a client and its server, each for the length of a `with` block.

Hanging and dying servers are `Samba.paused` and `Samba.gone`.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.vm.guest.processes import LabError, command
from scripts.vm.guest.samba import SHARE

_CHUNK = b"\0" * 65536


@contextmanager
def slow_network(delay_ms: float) -> Iterator[None]:
    """Delay every packet on the loopback; a request and its answer are two packets at least."""
    with _netem("delay", f"{delay_ms:g}ms"):
        yield


@contextmanager
def lossy_network(percent: float) -> Iterator[None]:
    """Lose packets on the loopback, at random; 100 cuts the connection without a reset."""
    with _netem("loss", f"{percent:g}%"):
        yield


@contextmanager
def _netem(*what: str) -> Iterator[None]:
    command("tc", "qdisc", "add", "dev", "lo", "root", "netem", *what)
    try:
        yield
    finally:
        heal_network()


def heal_network() -> None:
    """Remove whatever was done to the loopback."""
    if "netem" in command("tc", "qdisc", "show", "dev", "lo"):
        command("tc", "qdisc", "del", "dev", "lo", "root")


@contextmanager
def creates_denied(folder: Path = SHARE) -> Iterator[None]:
    """Let the server refuse new files in a folder of the share: NTSTATUS ACCESS_DENIED, EACCES.

    The server serves our client as `nobody`, who does not own the folder. The refusal must come
    from the server: a mount without `noperm` may refuse by itself.
    """
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(mode)


@contextmanager
def full_share() -> Iterator[None]:
    """Leave no byte free on the share: NTSTATUS DISK_FULL, ENOSPC for every write."""
    filler = SHARE / "filler"
    _fill(filler)
    try:
        yield
    finally:
        filler.unlink()


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                os.write(file.fileno(), _CHUNK)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise LabError(f"cannot fill the share: {error}") from error
