"""Mounts with three connections to their server, of which a further one is lost.

One is mounted before the daemon starts, one while it runs. The client traces no server's name for
the further connections."""

import re
import subprocess
from pathlib import Path
from typing import Final

from aod.smb.peers import FILE, parse_debugdata
from scripts.vm.guest import cifs
from scripts.vm.guest.counters import RUNTIME, settled
from scripts.vm.guest.daemon import Daemon
from scripts.vm.guest.lab import Facts, Lab, replaced
from scripts.vm.guest.processes import command
from scripts.vm.guest.samba import HOME
from scripts.vm.guest.shares import SECOND
from scripts.vm.guest.tracefs import traced
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import rounds, work

GUEST = "channels"
TIMEOUT_S = 300
CHANNELS: Final = 3
# Guests have no key to sign with, which a further channel needs.
USER: Final = "root"
WORD: Final = "made-up"
OPTIONS: Final = (
    f"username={USER},password={WORD},vers=3.1.1,cache=none,noperm,nosharesock,"
    f"multichannel,max_channels={CHANNELS}"
)
# The client opens several on one interface if that has several queues.
SERVER: Final = {"interfaces": '"127.0.0.1;speed=10000000000,capability=RSS"'}
_FIRST_ONE: Final = "acceptable_count: 0             # the first one declares\n"
_LOST: Final = " lost, reconnecting"
_RECONNECT: Final = re.compile(r"smb3_reconnect: conn_id=(0x[0-9a-f]+) server=(\S*) ")


def run(lab: Lab) -> Facts:
    """Lose a further connection of each mount."""
    config = lab.configuration(
        lambda text: replaced(text, _FIRST_ONE, f"{_FIRST_ONE}      cooldown_sec: 0\n")
    )
    with lab.samba.configured(SERVER):
        _add_user()
        with lab.mounted(OPTIONS) as folder, lab.daemon(config=config) as daemon:
            daemon.wait_until_watching()
            settled()
            ports = _ports()
            before = _lose_a_channel(daemon, folder, ports)
            ports = _ports()
            with lab.mounted(OPTIONS, SECOND) as second:
                while_it_runs = _lose_a_channel(daemon, second, _ports() - ports)
                return {
                    "before": before,
                    "while_it_runs": while_it_runs,
                    "exit_status": lab.stop(daemon),
                }


def _lose_a_channel(daemon: Daemon, folder: Path, ports: set[int]) -> Facts:
    """Cut connections of a mount until a further one was cut; what the client traced of each."""
    wait_until(_names_are_known, "the names of all connections", 90)
    debugdata = cifs.DEBUG_DATA.read_text()
    lost: list[tuple[int, str]] = []
    for port in sorted(ports, reverse=True):  # the last one is no first connection, mostly
        with traced("smb3_reconnect") as trace:
            _cut(daemon, port)
            wait_until(lambda: work(folder, rounds(1))["delete"], "the share to work again", 30)
        lost += [(int(number, 16), name) for number, name in _RECONNECT.findall(trace.text)]
        if lost and not lost[-1][1]:
            break
    return {"debugdata": debugdata, "lost": lost, "names": dict(FILE.read(RUNTIME).servers)}


def _cut(daemon: Daemon, port: int) -> None:
    known = daemon.log().count(_LOST)
    command("ss", "-K", "sport", "=", f":{port}", "dport", "=", ":445")
    wait_until(lambda: daemon.log().count(_LOST) > known, "the anomaly of a reconnect")


def _names_are_known() -> bool:
    wanted = parse_debugdata(cifs.DEBUG_DATA.read_text()).servers
    return wanted.items() <= FILE.read(RUNTIME).servers.items()


def _ports() -> set[int]:
    """The client's ports. Further connections go to the interfaces that a server names, whatever
    address was mounted."""
    lines = command("ss", "-tnH", "dst", ":445").splitlines()
    return {int(line.split()[3].rpartition(":")[2]) for line in lines}


def _add_user() -> None:
    text = f"{WORD}\n{WORD}\n"
    argv = ("pdbedit", "-s", str(HOME / "smb.conf"), "-a", "-t", "-u", USER)
    subprocess.run(argv, input=text, text=True, check=True, capture_output=True)
