"""Sixty mounts of two servers behind a slow network; then one of the servers is silent.

A Python that starts takes longer in an emulated guest than the answer does: what stands in for
smbinfo here asks the same (statfs is FileFsFullSizeInformation, too) without one.
"""

import os
from contextlib import ExitStack
from pathlib import Path

from scripts.vm.guest import cifs, faults
from scripts.vm.guest.daemon import BIN
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import command
from scripts.vm.guest.shares import FIRST, SECOND, SHARES, Share

GUEST = "mounts"  # not with others: after so many mounts, some operations take 200 ms longer
TIMEOUT_S = 240
OF_EACH = 30
DELAY_MS = 50
OUTPUT = Path("/run/lab/bundles")
CONFIGURATION = f"""\
aod_output_dir: {OUTPUT}
guardian:
  anomalies:
    asked:
      type: Latency
      actions: [smbinfo, mounts]
"""
_PROGRAMS = Path("/run/lab/programs")


def run(lab: Lab) -> Facts:
    """A bundle while both are slow, and one while the second does not answer."""
    _stand_in()
    config = lab.configuration(lambda _: CONFIGURATION)
    with ExitStack() as mounts:
        for share in SHARES:
            for folder in _folders(share):
                (share.path / folder.name).mkdir()
                volume = Share(f"{share.name}/{folder.name}", share.address)
                mounts.enter_context(lab.mounted(cifs.UNCACHED, volume, folder))
        with faults.slow_network(DELAY_MS):
            slow = lab.keep(capture_now(config, _PROGRAMS))
        with faults.lossy_network(100, SECOND):
            silent = lab.keep(capture_now(config, _PROGRAMS))
    return {"slow": slow, "silent": silent, "first": [str(one) for one in _folders(FIRST)]}


def capture_now(config: Path, *programs: Path) -> Path:
    """Make a bundle of the anomaly `asked`, without a daemon; what is in these folders is run in
    place of the guest's programs."""
    path = os.pathsep.join((*map(str, programs), os.environ["PATH"]))
    stage = (BIN / "aod-stage", "capture", "--now", "asked", "-c", config)
    command("env", f"PATH={path}", *stage, timeout_s=60)
    return max(OUTPUT.glob("aod_*.tar.zst"))


def _stand_in() -> None:
    _PROGRAMS.mkdir()
    program = _PROGRAMS / "smbinfo"
    program.write_text('#!/bin/sh\nexec stat --file-system "$2"\n')
    program.chmod(0o755)


def _folders(share: Share) -> list[Path]:
    return [Path(f"/mnt/{share.name}-{number:02}") for number in range(OF_EACH)]
