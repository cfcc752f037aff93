"""scripts/setup on machines that lack something; the PATH holds only what each machine has."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.vm.tools import REPO

TOOLS = ("sh", "dirname", "basename", "id", "cat", "cksum", "sed", "tr")
NOBODY = 65534


@pytest.fixture
def path() -> Iterator[Path]:
    """A PATH folder of a machine without a package manager; other users may search it."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        made.chmod(0o755)
        for tool in TOOLS:
            (made / tool).symlink_to(shutil.which(tool) or tool)
        yield made


def _script(path: Path, name: str, text: str) -> None:
    (path / name).write_text(f"#!/bin/sh\n{text}\n")
    (path / name).chmod(0o755)


def _setup(path: Path, *parts: str, uid: int = 0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "scripts/setup", *parts],
        cwd=REPO,
        env={"PATH": str(path)},
        user=uid if os.geteuid() == 0 else None,
        capture_output=True,
        text=True,
        check=False,
    )


def test_unknown_distribution_is_told_what_is_needed(path: Path) -> None:
    done = _setup(path, "vm")
    assert done.returncode == 1
    assert "no Debian or Ubuntu" in done.stderr
    assert "qemu-system-x86" in done.stderr
    assert "AOD_SKIP_PACKAGES=1" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only root may")
def test_user_without_root_or_sudo_is_told_the_packages(path: Path) -> None:
    _script(path, "dpkg-query", "case $3 in clang) exit 1 ;; *) printf 'ii ' ;; esac")
    _script(path, "apt-get", "echo apt-get must not run >&2; exit 9")
    # The user must reach the script through the folders above the repository.
    copy = path / "repo" / "scripts"
    copy.mkdir(parents=True)
    shutil.copy(REPO / "scripts" / "setup", copy)
    done = subprocess.run(
        ["sh", str(copy / "setup"), "build"],
        env={"PATH": str(path)},
        user=NOBODY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "install them as root: apt-get install clang" in done.stderr
    assert "must not run" not in done.stderr


def test_unknown_part_is_named(path: Path) -> None:
    done = _setup(path, "all")
    assert done.returncode == 1
    assert "unknown part 'all'; there are: build vm test dev fresh" in done.stderr


def test_second_run_does_nothing_and_says_nothing() -> None:
    done = subprocess.run(
        ["scripts/setup", "build", "test", "dev"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
