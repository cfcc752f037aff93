"""Real packets that passed a bridge: the cut is what the bridge alone saw. It is a real tcpdump."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aod.flight.cut import cut, in_order
from aod.flight.layers import interface
from aod.flight.pcap import Packet, all_records, header
from tests.unit.flight import bridge
from tests.unit.packets import EN10MB, common

FOREVER_NS = 1 << 63


def may_make_namespaces() -> bool:
    """Root in a container may lack what that needs."""
    if any(shutil.which(program) is None for program in ("unshare", "ip", "tcpdump")):
        return False
    tried = ["unshare", "--net", "ip", "link", "add", "bridge0", "type", "bridge"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    not may_make_namespaces(), reason="needs tcpdump, unshare, iproute2, CAP_SYS_ADMIN and bridges"
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bridge")
    program = ["unshare", "--net", sys.executable, "-m", bridge.__name__, str(folder)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        assert "dropped by kernel" not in line or line.startswith("0 packets"), done.stdout
    return folder


def read(path: Path) -> tuple[int, list[Packet]]:
    content = path.read_bytes()
    about = header(content)
    assert about is not None
    return about.link_type, list(all_records(content, about))


def test_the_cut_of_all_interfaces_is_what_the_bridge_alone_saw(recorded: Path) -> None:
    kind, everything = read(recorded / "any.pcap")
    _, expected = read(recorded / "bridge0.pcap")
    parts, _ = in_order([(recorded / "any.pcap").read_bytes()])
    found = cut(parts, 0, FOREVER_NS, (bridge.PORT,), headers_only=False)
    assert found.copies == len(everything) - len(found.packets) >= len(expected)
    assert (found.damaged, len(found.packets)) == (0, len(expected))
    received = {interface(one.data, kind) for one in found.packets}
    assert len(received) == 2, "what was received, the interface below saw first"
    assert sorted(common(one.data, kind) for one in found.packets) == sorted(
        common(one.data, EN10MB) for one in expected
    )


def test_the_kernel_has_cut_packets_between_the_two(recorded: Path) -> None:
    """So the test above has seen both ways."""
    kind, everything = read(recorded / "any.pcap")
    sizes: dict[bytes, int] = {}
    for one in everything:
        on = interface(one.data, kind)
        sizes[on] = max(sizes.get(on, 0), one.wire_bytes if one.data[10] == 4 else 0)
    assert min(sizes.values()) < 2000
    assert max(sizes.values()) > 20_000


def test_each_message_keeps_its_headers_once(recorded: Path) -> None:
    parts, _ = in_order([(recorded / "any.pcap").read_bytes()])
    found = cut(parts, 0, FOREVER_NS, (bridge.PORT,), headers_only=True)
    headers = sum(one.data.count(b"\xfeSMB\x40\0") for one in found.packets)
    assert headers == 2 * bridge.MESSAGES * len(bridge.SERVER)
