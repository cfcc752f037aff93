"""What of a process's surroundings may forbid eBPF programs."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from aod.host.surroundings import Surroundings, lockdown

STATUS = "Name:\tx\nNoNewPrivs:\t0\nSeccomp:\t{}\nSeccomp_filters:\t9\n"


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("none [integrity] confidentiality\n", "integrity"),
        ("[none] integrity confidentiality\n", "none"),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_lockdown_mode_is_the_one_in_brackets(tmp_path: Path, text: str, mode: str) -> None:
    put(tmp_path, "sys/kernel/security/lockdown", text)
    assert lockdown(tmp_path) == Surroundings.look(tmp_path).lockdown == mode


def test_what_cannot_be_read_is_absent(tmp_path: Path) -> None:
    seen = Surroundings.look(tmp_path)
    assert (seen.lockdown, seen.in_user_namespace, seen.filtered) == ("", False, False)
    assert not seen.selinux_enforces


@pytest.mark.parametrize(
    ("uid_map", "inside"),
    [("         0          0 4294967295\n", False), ("0 100000 65536\n", True)],
)
def test_user_namespace_by_its_map(tmp_path: Path, uid_map: str, inside: bool) -> None:
    put(tmp_path, "proc/self/uid_map", uid_map)
    assert Surroundings.look(tmp_path).in_user_namespace is inside


@pytest.mark.parametrize(("mode", "filtered"), [(0, False), (2, True)])
def test_filter_of_system_calls(tmp_path: Path, mode: int, filtered: bool) -> None:
    put(tmp_path, "proc/self/status", STATUS.format(mode))
    assert Surroundings.look(tmp_path).filtered is filtered


@pytest.mark.parametrize(("text", "enforces"), [("0", False), ("1", True)])
def test_selinux(tmp_path: Path, text: str, enforces: bool) -> None:
    put(tmp_path, "sys/fs/selinux/enforce", text)
    assert Surroundings.look(tmp_path).selinux_enforces is enforces


def test_limit_of_locked_memory_is_this_process_s_own() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    expected = None if soft == resource.RLIM_INFINITY else soft
    assert Surroundings.look().locked_bytes == expected
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536));"
        "from aod.host.surroundings import Surroundings; print(Surroundings.look().locked_bytes)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == "65536\n"
