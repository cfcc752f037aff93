"""Mounted shares whose packets the ring does not hold, and why.

The options of a mount do not say its port (cifs_show_options prints none), so it is looked for
among the connections to the mount's server."""

import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final, NamedTuple

_MOUNTINFO: Final = Path("/proc/self/mountinfo")
_CONNECTIONS: Final = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))
_CIFS: Final = (" - cifs ", " - smb3 ")
_STATE_AT: Final = 3
_ESTABLISHED: Final = "01"
_LISTENS: Final = "0A"
_MOST_NAMED: Final = 4


class Server(NamedTuple):
    """Of a mounted share."""

    address: str
    is_rdma: bool


def sentences(ports: Collection[int]) -> Iterator[str]:
    """What to say of this host's mounts, whose packets are recorded on these ports."""
    servers = set(mounted(_lines(_MOUNTINFO)))
    if rdma := sorted(server.address for server in servers if server.is_rdma):
        yield f"mounted with rdma (SMB Direct), so that tcpdump sees no packets: {_some(rdma)}"
    if not servers:
        return
    connected = connections(line for path in _CONNECTIONS for line in _lines(path))
    elsewhere = sorted(
        f"{server.address} port {' or '.join(map(str, sorted(others)))}"
        for server in servers
        if not server.is_rdma
        if (others := connected.get(server.address, set())) and not others & set(ports)
    )
    if elsewhere:
        yield (
            f"no connection to {_some(elsewhere)} is recorded: if a share is there, add the port to"
            " capture.tcpdump.ports"
        )


def mounted(mountinfo: Iterable[str]) -> Iterator[Server]:
    """The servers of the mounted cifs file systems."""
    for line in mountinfo:
        if any(kind in line for kind in _CIFS):
            # The last field, also where the name of a share holds blanks.
            options = line.split(" ")[-1].split(",")
            values = dict(option.partition("=")[::2] for option in options)
            with suppress(ValueError):
                address = ip_address(values.get("addr", "").partition("%")[0])
                yield Server(str(address), "rdma" in values)


def connections(lines: Iterable[str]) -> dict[str, set[int]]:
    """The ports of others that this host is connected to, by address (proc_pid_net(5)); where
    others are connected to a service of this host, their port says nothing."""
    fields = [columns for line in lines if len(columns := line.split()) > _STATE_AT]
    served = {_port(one[1]) for one in fields if one[_STATE_AT] == _LISTENS}
    found: dict[str, set[int]] = {}
    for one in fields:
        with suppress(ValueError):
            if one[_STATE_AT] == _ESTABLISHED and _port(one[1]) not in served:
                found.setdefault(_address(one[2]), set()).add(int(_port(one[2]), 16))
    return found


def _port(end: str) -> str:
    return end.partition(":")[2]


def _address(end: str) -> str:
    """Of words of 32 bits, each as this processor has it in memory."""
    text = end.partition(":")[0]
    words = (int(text[at : at + 8], 16) for at in range(0, len(text), 8))
    raw = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    address = ip_address(raw)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _lines(path: Path) -> list[str]:
    with suppress(OSError):
        return path.read_text(errors="replace").splitlines()
    return []
