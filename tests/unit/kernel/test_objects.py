"""Which eBPF objects are used, and when an installation of them is another."""

from dataclasses import replace
from pathlib import Path

import pytest

from aod.kernel.objects import (
    MID_RELEASE_VARIABLE,
    OBJECT_VARIABLE,
    TracerSetup,
    build_id,
    mid_release_program,
    program,
)

ELF = b"\x7fELF"
SETUP = TracerSetup(Path("/sys/fs/bpf/aod"), 1 << 20, 1024, b"release")


def test_installed_objects_are_used_unless_a_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in (OBJECT_VARIABLE, MID_RELEASE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    assert program().startswith(ELF)
    assert mid_release_program().startswith(ELF)
    assert program() != mid_release_program()
    (tmp_path / "other").write_bytes(b"other")
    for variable in (OBJECT_VARIABLE, MID_RELEASE_VARIABLE):
        monkeypatch.setenv(variable, str(tmp_path / "other"))
    assert program() == mid_release_program() == b"other"


def test_hooks_on_functions_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MID_RELEASE_VARIABLE, "")
    assert mid_release_program() == b""


def test_installation_is_another_with_another_object_or_size() -> None:
    same = build_id(b"program", SETUP)
    assert build_id(b"program", replace(SETUP, pin_dir=Path("/sys/fs/bpf/other"))) == same
    others = [
        build_id(b"other", SETUP),
        build_id(b"program", replace(SETUP, mid_release=b"")),
        build_id(b"program", replace(SETUP, ring_bytes=1 << 21)),
        build_id(b"program", replace(SETUP, max_inflight=2048)),
    ]
    assert len({same, *others}) == 5
