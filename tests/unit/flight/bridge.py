"""A bridge, and messages of SMB2 that pass it, in network namespaces of their own; run by a test.

python -m tests.unit.flight.bridge FOLDER: leaves `any.pcap` (all interfaces) and `bridge0.pcap`.
The interface below takes no large packets from the bridge: the kernel cuts them between the two.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.unit.packets import message, smb2

CLIENT: Final = ("192.0.2.1", "2001:db8::1")
SERVER: Final = ("192.0.2.2", "2001:db8::2")
PORT: Final = 445
MESSAGES: Final = 20
BODY: Final = bytes(150_000)
_PATIENCE_SEC: Final = 20.0


def main(folder: Path) -> None:
    """The client's side."""
    with subprocess.Popen(
        ["unshare", "--net", sys.executable, "-m", __spec__.name if __spec__ else "", "--serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            _connect_to(server.pid)
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write("\n")
            server.stdin.flush()
            assert server.stdout.readline() == "ready\n"
            with _recorded(folder, "any"), _recorded(folder, "bridge0"):
                for address in SERVER:
                    _talk(address)
        finally:
            server.kill()


def _connect_to(pid: int) -> None:
    """A bridge here, and a cable from it to the namespace of a process."""
    ours = Path("/proc/self/ns/net").readlink()
    deadline = time.monotonic() + _PATIENCE_SEC
    while Path(f"/proc/{pid}/ns/net").readlink() == ours:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    _ip("link", "add", "bridge0", "type", "bridge")
    _ip("link", "add", "card0", "type", "veth", "peer", "name", "port0", "netns", str(pid))
    _ip("link", "set", "card0", "gso_max_segs", "1")
    _ip("link", "set", "card0", "master", "bridge0", "up")
    _configure("bridge0", CLIENT)


def _configure(interface: str, addresses: tuple[str, str]) -> None:
    v4, v6 = addresses
    _ip("address", "add", f"{v4}/24", "dev", interface)
    _ip("address", "add", f"{v6}/64", "dev", interface, "nodad")
    _ip("link", "set", interface, "up")


def _talk(address: str) -> None:
    """Requests with content, and answers with as much."""
    with socket.create_connection((address, PORT), timeout=_PATIENCE_SEC) as connection:
        for mid in range(MESSAGES):
            sent = message(smb2(mid, BODY))
            connection.sendall(sent)
            _read(connection, len(sent))


def _serve() -> None:
    """The server's side: an echo."""
    sys.stdin.readline()
    _configure("port0", SERVER)
    with socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        print("ready", flush=True)
        size = len(message(smb2(0, BODY)))
        for _ in SERVER:
            connection, _ = server.accept()
            with connection:
                for _ in range(MESSAGES):
                    connection.sendall(_read(connection, size))


def _read(connection: socket.socket, size: int) -> bytes:
    content = bytearray()
    while len(content) < size:
        piece = connection.recv(size - len(content))
        assert piece
        content += piece
    return bytes(content)


@contextmanager
def _recorded(folder: Path, interface: str) -> Iterator[None]:
    options = ["-i", interface, "--nano", "-n", "-p", "-U", "-B", "65536", "-s", "512"]
    user = ["-Z", "root"] if os.geteuid() == 0 else []
    command = ["tcpdump", *options, *user, "-w", f"{interface}.pcap", f"tcp port {PORT}"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as tcpdump:
        assert tcpdump.stderr is not None
        while "listening on" not in tcpdump.stderr.readline():
            assert tcpdump.poll() is None
        try:
            yield
        finally:
            # What the kernel still holds, it hands over within a second (tcpdump's time-out).
            time.sleep(1.2)
            tcpdump.terminate()
            print(tcpdump.stderr.read())


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        _serve()
    else:
        main(Path(sys.argv[1]))
