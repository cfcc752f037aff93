"""Why a kernel or a user cannot do it, in one line."""

import errno
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from aod.host.preflight import PreflightError, check, cifs_may_load, explain, lockdown
from aod.kernel.errors import TracerError
from aod.kernel.objects import OBJECT_VARIABLE
from scripts.vm.tools import REPO

RELEASE = "6.1.0-99-test"
OBJECT = REPO / "build" / "producer.bpf.o"
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
UNPRIVILEGED = """
import os
from pathlib import Path
from aod.host import preflight
os.geteuid() or os.seteuid(65534)  # once all is imported: a clone below /root is root's alone
try:
    preflight.check(Path("/sys/fs/bpf/aod"))
except preflight.PreflightError as error:
    print(error)
"""


def modules(root: Path, name: str, text: str) -> Path:
    folder = root / "lib" / "modules" / RELEASE
    folder.mkdir(parents=True)
    (folder / name).write_text(text)
    return root


@pytest.mark.parametrize("place", ["sys/module/cifs", "proc/fs/cifs"])
def test_client_that_is_loaded(tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir(parents=True)
    assert cifs_may_load(RELEASE, tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("modules.dep", "kernel/fs/smb/client/cifs.ko: kernel/fs/netfs/netfs.ko\n"),
        ("modules.dep", "kernel/a.ko:\nkernel/fs/cifs/cifs.ko.xz: kernel/b.ko.xz\n"),
        ("modules.builtin", "kernel/fs/smb/client/cifs.ko\n"),
    ],
)
def test_client_that_a_mount_would_load(tmp_path: Path, name: str, text: str) -> None:
    assert cifs_may_load(RELEASE, modules(tmp_path, name, text))


def test_kernel_without_the_client(tmp_path: Path) -> None:
    assert not cifs_may_load(RELEASE, tmp_path)
    server = "kernel/fs/smb/server/ksmbd.ko: kernel/fs/smb/common/cifs_md4.ko\n"
    assert not cifs_may_load(RELEASE, modules(tmp_path, "modules.dep", server))
    assert not cifs_may_load("another", tmp_path)


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
    (tmp_path / "lockdown").write_text(text)
    assert lockdown(tmp_path / "lockdown") == mode


def test_kernel_that_does_not_say(tmp_path: Path) -> None:
    assert lockdown(tmp_path / "missing") == ""
    assert lockdown(tmp_path) == ""


REFUSED = TracerError(errno.EPERM, "loading: Operation not permitted\nlibbpf: a\nlibbpf: b")


@pytest.mark.parametrize(
    ("error", "mode", "says"),
    [
        (REFUSED, "confidentiality", "refuses eBPF tracing programs (lockdown: confidentiality)"),
        (REFUSED, "", "refuses eBPF tracing programs, as a locked down one does"),
        (TracerError(errno.EINVAL, "loading: x\n  libbpf: y"), "", "loading: x libbpf: y"),
    ],
)
def test_refusal_is_explained_in_one_line(error: TracerError, mode: str, says: str) -> None:
    said = explain(error, mode)
    assert says in said
    assert "\n" not in said


def test_user_without_the_rights_is_told_which() -> None:
    result = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED], check=True, capture_output=True, text=True
    )
    assert result.stdout.startswith("CAP_BPF and CAP_PERFMON missing: run it as root")
    assert result.stdout.count("\n") == 1


@NEEDS_ROOT
@pytest.mark.skipif(cifs_may_load(platform.release()), reason="this kernel has the client")
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
