"""Why a kernel or a user cannot do it, in one line."""

import errno
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from aod.host import preflight
from aod.host.capabilities import Capability
from aod.host.preflight import PreflightError, check, too_old
from aod.host.surroundings import Surroundings
from aod.kernel.client import missing
from aod.kernel.objects import OBJECT_VARIABLE
from aod.kernel.tracer import RING_BUFFER, map_refusal
from scripts.vm.tools import REPO

OBJECT = REPO / "build" / "producer.bpf.o"
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
CHECKED = """
import os
from pathlib import Path
from aod.host import preflight
PREPARE
try:
    preflight.check(Path("/sys/fs/bpf/aod"))
except preflight.PreflightError as error:
    print(error)
"""


def child(prepare: str, *prefix: str) -> str:
    """What preflight says in a process of its own, once it is prepared."""
    environment = {**os.environ, OBJECT_VARIABLE: str(OBJECT)}
    done = subprocess.run(
        [*prefix, sys.executable, "-c", CHECKED.replace("PREPARE", prepare)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("ring_refusal", "unknown", "lacks"),
    [
        (errno.EINVAL, (Capability.BPF, Capability.PERFMON), "BPF ring buffer, no CAP_BPF, no CAP"),
        (errno.EINVAL, (), "BPF ring buffer (Linux 5.8"),
        (errno.EPERM, (Capability.BPF,), "CAP_BPF (Linux 5.8"),
        (0, (Capability.BPF,), "CAP_BPF (Linux 5.8"),
    ],
)
def test_old_kernel_is_told_what_it_lacks(
    ring_refusal: int, unknown: tuple[Capability, ...], lacks: str
) -> None:
    said = too_old(ring_refusal, unknown, "4.19.0-27-amd64")
    assert said.startswith(f"this kernel is too old: it has no {lacks}")
    assert said.endswith("this is 4.19.0-27-amd64)")


@pytest.mark.parametrize("ring_refusal", [0, errno.EPERM, errno.EACCES, errno.ENOMEM])
def test_kernel_that_may_have_all_of_it_is_not_called_old(ring_refusal: int) -> None:
    assert too_old(ring_refusal, (), "4.18.0-553.el8.x86_64") == ""


@NEEDS_ROOT
def test_this_kernel_knows_the_ring_buffer_and_no_kind_that_does_not_exist() -> None:
    assert map_refusal(RING_BUFFER) == 0
    assert map_refusal(9999) == errno.EINVAL


@NEEDS_ROOT
def test_root_on_an_old_kernel_is_not_told_to_be_root(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As on 4.19: the kernel does not know the kind of map, nor the capabilities.
    monkeypatch.setattr(preflight, "RING_BUFFER", 9999)
    monkeypatch.setattr("aod.host.capabilities.unknown", tuple)
    with pytest.raises(PreflightError, match="too old: it has no BPF ring buffer, no CAP_BPF"):
        check(Path("/sys/fs/bpf/aod"))


@NEEDS_ROOT
def test_root_of_a_container_is_told_that_it_lacks_the_rights() -> None:
    said = child("", "setpriv", "--bounding-set=-bpf,-perfmon", "--inh-caps=-bpf,-perfmon", "--")
    assert said.startswith("CAP_BPF and CAP_PERFMON missing, though this is root: ")


def may_make_user_namespace() -> bool:
    """Not in a chroot, nor where a setting forbids it (user_namespaces(7), clone(2): EPERM)."""
    tried = subprocess.run(("unshare", "--user", "true"), stderr=subprocess.DEVNULL, check=False)
    return tried.returncode == 0


@NEEDS_ROOT
@pytest.mark.skipif(
    not may_make_user_namespace(), reason="the kernel refuses a user namespace here, as in a chroot"
)
def test_user_namespace_is_named() -> None:
    said = child("", "unshare", "--user", "--map-root-user")
    assert said.startswith("this kernel refuses eBPF tracing programs: this is a user namespace")
    assert said.count("\n") == 1


@NEEDS_ROOT
def test_filter_of_system_calls_is_named() -> None:
    said = child("from aod._native import lib; lib.aod_filter_calls()")
    assert "a filter of system calls (seccomp), the container's or the unit's, forbids" in said


@NEEDS_ROOT
def test_lockdown_is_looked_at_before_the_object_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Kernels before 5.13 load it, and its programs read zeros.
    monkeypatch.delenv(OBJECT_VARIABLE, raising=False)
    monkeypatch.setattr("aod.kernel.client.missing", lambda _release: "")
    locked = Surroundings(lockdown="confidentiality")
    monkeypatch.setattr("aod.host.surroundings.Surroundings.look", lambda: locked)
    with pytest.raises(PreflightError, match="lockdown: confidentiality"):
        check(Path("/sys/fs/bpf/aod"))


def test_user_without_the_rights_is_told_which() -> None:
    # Once all is imported: a clone below /root is root's alone.
    said = child("os.geteuid() or os.seteuid(65534)")
    assert said.startswith("CAP_BPF and CAP_PERFMON missing: run it as root")
    assert said.count("\n") == 1


@NEEDS_ROOT
@pytest.mark.skipif(not missing(platform.release()), reason="this kernel has the client")
def test_this_kernel_without_the_client_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(OBJECT_VARIABLE, raising=False)
    with pytest.raises(PreflightError, match=f"{platform.release()}. has no cifs client"):
        check(Path("/sys/fs/bpf/aod"))


@NEEDS_ROOT
def test_object_that_is_none_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rubbish = tmp_path / "rubbish.o"
    rubbish.write_bytes(b"\x7fELF rubbish")
    monkeypatch.setenv(OBJECT_VARIABLE, str(rubbish))
    with pytest.raises(PreflightError) as caught:
        check(Path("/sys/fs/bpf/aod"))
    assert "\n" not in str(caught.value)


@NEEDS_ROOT
def test_pins_need_a_bpf_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OBJECT_VARIABLE, str(OBJECT))
    with pytest.raises(PreflightError, match="is not on a bpf file system: mount -t bpf"):
        check(tmp_path / "pins")
    check(Path("/sys/fs/bpf/aod-preflight-test"))
    assert not Path("/sys/fs/bpf/aod-preflight-test").exists()
