"""The table of mounts leads where the kernel leads: asked in mount namespaces of our own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = "tests.unit.actions.mount_namespaces"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount something")


def judged(what: str, folder: Path) -> list[dict[str, str]]:
    command = ("unshare", "--mount", sys.executable, "-m", SCRIPT, what, str(folder))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("what", ["stacked", "changed_root", "service"])
def test_each_mount_is_where_the_kernel_finds_it(what: str, tmp_path: Path) -> None:
    found = judged(what, tmp_path)
    assert len(found) > 5
    assert [one for one in found if one["table"] != one["wanted"]] == []
