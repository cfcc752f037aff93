"""Which interfaces are left out, as their packets are seen above them."""

from pathlib import Path

import pytest

from aod.flight import layered


@pytest.fixture
def interface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Host":
    monkeypatch.setattr(layered, "FOLDER", tmp_path / "net")
    return Host(tmp_path)


class Host:
    """/sys/class/net, as the kernel lays it out."""

    def __init__(self, root: Path) -> None:
        self.root, self.net = root, root / "net"
        self.net.mkdir()
        (self.net / "bonding_masters").write_text("bond0\n")

    def add(self, name: str, number: int, master: str = "", driver: str = "") -> Path:
        path = self.net / name
        path.mkdir()
        (path / "ifindex").write_text(f"{number}\n")
        if master:
            (path / "master").symlink_to(f"../{master}")
        if driver:
            (self.root / "drivers" / driver).mkdir(parents=True)
            (path / "device").mkdir()
            (path / "device/driver").symlink_to(f"../../../drivers/{driver}")
        return path


def test_those_below_a_bond_or_a_paired_function(interface: Host) -> None:
    (interface.add("bond0", 5) / "bonding").mkdir()
    interface.add("eth0", 2, master="bond0")
    interface.add("eth1", 3, master="eth2")
    interface.add("eth2", 4, driver="hv_netvsc")
    (interface.add("br0", 6) / "bridge").mkdir()
    interface.add("veth0", 7, master="br0")
    interface.add("lo", 1, driver="other")
    assert layered.below() == {2, 3}


def test_one_that_is_there_alone_is_noticed(interface: Host) -> None:
    (interface.add("bond0", 5) / "bonding").mkdir()
    eth0 = interface.add("eth0", 2, master="bond0")
    assert not layered.alone(frozenset({2, 77}))
    (eth0 / "master").unlink()
    assert layered.alone(frozenset({2, 77}))
    assert not layered.alone(frozenset({77})), "an interface that is gone shows nothing"
    assert not layered.alone(frozenset())


def test_no_more_than_a_filter_holds(interface: Host) -> None:
    (interface.add("bond0", 500) / "bonding").mkdir()
    for number in range(100):
        interface.add(f"eth{number}", 1 + number, master="bond0")
    assert layered.below() == set(range(1, 65))


def test_a_host_without_the_folder_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layered, "FOLDER", tmp_path / "none")
    assert layered.below() == frozenset()
