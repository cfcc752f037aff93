"""A share behind a bond, whose packets pass two interfaces of the client; some are lost on the way.

The server is in a network namespace of its own, at the other end of two virtual cables. All that a
capture on every interface sees is kept, and what passes the bond alone, to compare it with.
"""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scripts.vm.guest import cifs
from scripts.vm.guest.lab import Facts, Lab, replaced
from scripts.vm.guest.proc import named
from scripts.vm.guest.processes import command, kill_session
from scripts.vm.guest.samba import HOME
from scripts.vm.guest.shares import FIRST, Share
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import rounds, work, working

TIMEOUT_S = 240

NAMESPACE = "server"
SERVER = Share(FIRST.name, "192.0.2.2")
CLIENT = "192.0.2.1"
FILE_BYTES = 200_000
LOSS_PERCENT = 3
DELAY_MS = 40
HISTORY_S = 60
ALL = "tcp port 445"


def run(lab: Lab) -> Facts:
    """Work on the share over the bond, healthy, then with loss, then slowly enough for a bundle."""
    config = lab.configuration(_recording)
    with _bond(), _server(lab), lab.daemon(config=config) as daemon:
        with (
            _recorded(lab, "any"),
            _recorded(lab, "bond0"),
            cifs.mounted(cifs.UNCACHED, SERVER) as folder,
        ):
            daemon.wait_until_watching()
            mounted = Path("/proc/self/mountinfo").read_text()
            (filters,) = {_filter(pid) for pid in named("tcpdump")} - {ALL}
            numbers = [_number(f"eth{number}") for number in range(2)]
            work(folder, rounds(5), size=FILE_BYTES)
            with _netem("loss", f"{LOSS_PERCENT}%"):
                work(folder, rounds(10), size=FILE_BYTES)
            with _netem("delay", f"{DELAY_MS}ms"), working(folder):
                bundle = daemon.wait_for_bundle().name
        return {
            "bundle": bundle,
            "mount": next(line for line in mounted.splitlines() if " - cifs " in line),
            "filter": filters,
            "below": numbers,
            "exit_status": lab.stop(daemon),
        }


def _filter(pid: int) -> str:
    """What a tcpdump records: its last word."""
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[-2]


def _number(interface: str) -> int:
    return int(Path(f"/sys/class/net/{interface}/ifindex").read_text())


def _recording(text: str) -> str:
    text = replaced(text, "        - dmesg\n", "        - tcpdump\n        - dmesg\n")
    return f"{text}\ncapture:\n  history_sec: {HISTORY_S}\n  post_sec: 1\n"


@contextmanager
def _bond() -> Iterator[None]:
    """Two cables to the namespace: the client's ends are a bond, the server's a bridge."""
    command("modprobe", "bonding", "max_bonds=0")
    command("ip", "netns", "add", NAMESPACE)
    command("ip", "link", "add", "bond0", "type", "bond", "mode", "active-backup", "miimon", "100")
    _inside("ip", "link", "set", "lo", "up")
    _inside("ip", "link", "add", "bridge0", "type", "bridge")
    try:
        for number in range(2):
            ours, theirs = f"eth{number}", f"port{number}"
            command("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs)
            command("ip", "link", "set", theirs, "netns", NAMESPACE)
            _inside("ip", "link", "set", theirs, "master", "bridge0", "up")
            command("ip", "link", "set", ours, "master", "bond0")
        _inside("ip", "address", "add", f"{SERVER.address}/24", "dev", "bridge0")
        _inside("ip", "link", "set", "bridge0", "up")
        command("ip", "address", "add", f"{CLIENT}/24", "dev", "bond0")
        command("ip", "link", "set", "bond0", "up")
        yield
    finally:
        command("ip", "link", "del", "bond0")
        command("ip", "netns", "del", NAMESPACE)


@contextmanager
def _server(lab: Lab) -> Iterator[None]:
    """smbd runs in the namespace instead of on the loopback."""
    lab.samba.kill()
    command_line = ["ip", "netns", "exec", NAMESPACE, "smbd", "--foreground", "--no-process-group"]
    with (HOME / "console").open("ab") as console:
        smbd = subprocess.Popen(
            [*command_line, "--configfile", HOME / "smb.conf"],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
        )
    try:
        wait_until(_answers, "smbd behind the bond", 60)
        yield
    finally:
        kill_session(smbd.pid)
        smbd.wait()


def _answers() -> bool:
    with suppress(OSError), socket.create_connection((SERVER.address, 445), timeout=1):
        return True
    return False


@contextmanager
def _recorded(lab: Lab, interface: str) -> Iterator[None]:
    """All bytes of all packets, into a file that is kept among the artefacts."""
    path = Path("/run") / f"{interface}.pcap"
    options = ["--nano", "-Z", "root", "-s", "0", "-U", "-w", str(path), ALL]
    tcpdump = subprocess.Popen(
        ["tcpdump", "-i", interface, "-B", "32768", *options], stderr=subprocess.PIPE, text=True
    )
    assert tcpdump.stderr is not None
    while "listening on" not in tcpdump.stderr.readline():
        pass
    try:
        yield
    finally:
        tcpdump.terminate()
        tcpdump.communicate(timeout=30)
        lab.keep(path)


@contextmanager
def _netem(*what: str) -> Iterator[None]:
    """Of what the client sends: it passes the bond first, then the interface below it."""
    active = Path("/sys/class/net/bond0/bonding/active_slave").read_text().strip()
    command("tc", "qdisc", "add", "dev", active, "root", "netem", *what)
    try:
        yield
    finally:
        command("tc", "qdisc", "del", "dev", active, "root")


def _inside(*argv: str) -> None:
    command("ip", "netns", "exec", NAMESPACE, *argv)
