"""Which capabilities a kernel knows."""

from pathlib import Path

import pytest

from aod.host.capabilities import Capability, unknown

NEEDED = (Capability.BPF, Capability.PERFMON)


@pytest.mark.parametrize(
    ("last", "lacks"),
    [
        ("37\n", NEEDED),  # Linux 4.19, 5.4
        ("38\n", (Capability.BPF,)),
        ("39\n", ()),  # RHEL 8's 4.18
        ("40\n", ()),
        ("", ()),
        ("?", ()),
    ],
)
def test_by_the_last_one_that_it_knows(
    tmp_path: Path, last: str, lacks: tuple[Capability, ...]
) -> None:
    folder = tmp_path / "proc/sys/kernel"
    folder.mkdir(parents=True)
    (folder / "cap_last_cap").write_text(last)
    assert unknown(NEEDED, tmp_path) == lacks


def test_where_the_kernel_does_not_say_nothing_is_held_against_it(tmp_path: Path) -> None:
    assert unknown(NEEDED, tmp_path) == unknown(NEEDED) == ()
