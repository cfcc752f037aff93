"""Whether a kernel has the cifs client, or may have it, from trees like those of real hosts."""

from pathlib import Path

import pytest

from aod.kernel.client import hindrance, missing

RELEASE = "6.1.0-99-test"
DEP = "kernel/fs/smb/client/cifs.ko: kernel/fs/netfs/netfs.ko\n"
SERVER = "kernel/fs/smb/server/ksmbd.ko: kernel/fs/smb/common/cifs_md4.ko\n"


def put(root: Path, path: str, text: str = "") -> Path:
    """A file of that tree."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return put(put(tmp_path, "proc/modules"), "proc/sys/kernel/modules_disabled", "0\n")


@pytest.mark.parametrize("place", ["sys/module/cifs/version", "proc/fs/cifs/Stats"])
def test_client_that_is_loaded(tmp_path: Path, place: str) -> None:
    assert missing(RELEASE, put(tmp_path, place)) == ""


@pytest.mark.parametrize(
    "folder",
    [
        "lib/modules",
        "usr/lib/modules",
        "run/booted-system/kernel-modules/lib/modules",
        "run/current-system/kernel-modules/lib/modules",
    ],
)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("modules.dep", DEP),
        ("modules.dep", "kernel/a.ko:\nkernel/fs/cifs/cifs.ko.xz: kernel/b.ko.xz\n"),
        ("modules.dep", "updates/dkms/cifs.ko.zst:\n"),
        ("modules.dep", "a.ko:\ncifs.ko: a.ko\n"),
        ("modules.builtin", "kernel/fs/smb/client/cifs.ko\n"),
    ],
)
def test_client_that_a_mount_would_load(root: Path, folder: str, name: str, text: str) -> None:
    assert missing(RELEASE, put(root, f"{folder}/{RELEASE}/{name}", text)) == ""


def test_kernel_whose_modules_lack_it(root: Path) -> None:
    put(root, f"lib/modules/{RELEASE}/modules.dep", SERVER + "kernel/x/notcifs.ko: cifs.ko\n")
    assert missing(RELEASE, root) == (
        f"it is not loaded, and there is no module for it in /lib/modules/{RELEASE}"
    )


def test_where_nothing_can_be_looked_at_it_may_be_there(root: Path) -> None:
    assert missing(RELEASE, root) == ""
    put(root, "lib/modules/another/modules.dep", SERVER)  # a container's, of another kernel
    assert missing(RELEASE, root) == ""


def test_kernel_that_loads_no_modules(root: Path) -> None:
    (root / "proc/modules").unlink()
    assert missing(RELEASE, root) == "it is not built in, and this kernel loads no modules"


def test_modules_that_may_no_longer_be_loaded(root: Path) -> None:
    put(root, "proc/sys/kernel/modules_disabled", "1\n")
    put(root, f"lib/modules/{RELEASE}/modules.dep", DEP)
    assert missing(RELEASE, root) == "it is not loaded, and modules_disabled is set"


@pytest.mark.parametrize(
    "line",
    [
        "blacklist cifs",
        "install cifs /bin/false",
        "install  cifs\t/usr/bin/true # CIS",
        "install cifs \\\n  /bin/false",
    ],
)
def test_line_that_forbids_it_is_named_with_its_file(tmp_path: Path, line: str) -> None:
    put(tmp_path, "etc/modprobe.d/cis.conf", f"# CIS 1.1\nblacklist floppy\n{line}\n")
    shown = " ".join(line.replace("\\\n", " ").split())
    assert hindrance(tmp_path) == f"'{shown}' in /etc/modprobe.d/cis.conf"


@pytest.mark.parametrize(
    "line",
    [
        "# blacklist cifs",
        "blacklist cifs_root",
        "install cifs /sbin/modprobe --ignore-install cifs",
        "options cifs CIFSMaxBufSize=130048",
        "",
    ],
)
def test_other_lines_forbid_nothing(tmp_path: Path, line: str) -> None:
    assert hindrance(put(tmp_path, "etc/modprobe.d/cifs.conf", f"{line}\n")) == ""


def test_file_of_a_later_folder_is_hidden_by_one_of_its_name(tmp_path: Path) -> None:
    put(tmp_path, "usr/lib/modprobe.d/rare.conf", "blacklist cifs\n")
    assert hindrance(tmp_path) == "'blacklist cifs' in /usr/lib/modprobe.d/rare.conf"
    put(tmp_path, "etc/modprobe.d/rare.conf")
    assert hindrance(tmp_path) == ""


@pytest.mark.parametrize("name", ["module_blacklist", "modprobe.blacklist"])
def test_kernel_that_was_told_so(tmp_path: Path, name: str) -> None:
    put(tmp_path, "proc/cmdline", f"quiet {name}=floppy,cifs panic=-1\n")
    assert hindrance(tmp_path) == f"'{name}=floppy,cifs' on the kernel's command line"
    put(tmp_path, "proc/cmdline", f"{name}=cifs_root rd.blacklist=cifs\n")
    assert hindrance(tmp_path) == ""
