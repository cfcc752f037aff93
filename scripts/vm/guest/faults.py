"""What goes wrong between a client and its server, each for the length of a `with` block.

Hanging and dying servers are `Samba.paused` and `Samba.gone`.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.vm.guest.processes import LabError, command
from scripts.vm.guest.shares import FIRST, Share

_CHUNK = b"\0" * 65536


@contextmanager
def slow_network(delay_ms: float, share: Share | None = None) -> Iterator[None]:
    """Delay every packet on the loopback; a request and its answer are two packets at least.

    With a `share`, only the packets to and from its address.
    """
    with _netem(share, "delay", f"{delay_ms:g}ms"):
        yield


@contextmanager
def lossy_network(percent: float, share: Share | None = None) -> Iterator[None]:
    """Lose packets on the loopback, at random; 100 cuts the connection without a reset."""
    with _netem(share, "loss", f"{percent:g}%"):
        yield


@contextmanager
def _netem(share: Share | None, *what: str) -> Iterator[None]:
    try:
        if share is None:
            _tc("qdisc", "add", "root", "netem", *what)
        else:
            _divert(share.address)
            _tc("qdisc", "add", "parent", "1:2", "netem", *what)
        yield
    finally:
        heal_network()


def _divert(address: str) -> None:
    """Let the packets to and from an address take the way 1:2, and all others 1:1."""
    everything_first = ["0"] * 16
    _tc("qdisc", "add", "root", "handle", "1:", "prio", "bands", "2", "priomap", *everything_first)
    for end in ("src", "dst"):
        match = ("u32", "match", "ip", end, f"{address}/32")
        _tc("filter", "add", "parent", "1:", "protocol", "ip", *match, "flowid", "1:2")


def _tc(kind: str, verb: str, *arguments: str) -> None:
    command("tc", kind, verb, "dev", "lo", *arguments)


def heal_network() -> None:
    """Remove whatever was done to the loopback."""
    if "noqueue" not in command("tc", "qdisc", "show", "dev", "lo"):
        _tc("qdisc", "del", "root")


@contextmanager
def creates_denied(share: Share = FIRST) -> Iterator[None]:
    """Let the server refuse new files at the top of a share: NTSTATUS ACCESS_DENIED, EACCES.

    The server serves our client as `nobody`, who does not own the folder. The refusal must come
    from the server: a mount without `noperm` may refuse by itself.
    """
    mode = share.path.stat().st_mode
    share.path.chmod(0o555)
    try:
        yield
    finally:
        share.path.chmod(mode)


@contextmanager
def full_share(share: Share = FIRST) -> Iterator[None]:
    """Leave no byte free on the share: NTSTATUS DISK_FULL, ENOSPC for every write."""
    filler = share.path / "filler"
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
