"""Capture under too many anomalies at once, and killed at any moment."""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

from aod.state import spool
from scripts.vm.guest.wait import wait_until
from tests.kernel.faults import Faulty, faulty
from tests.rig.bundles import open_bundle

TRIGGERS = 50
KILLS = 20


def settle(rig: Faulty) -> None:
    wait_until(lambda: not spool.pending(rig.daemon.state_dir / spool.FOLDER), "an empty spool", 60)


def test_fifty_triggers_at_once(tmp_path: Path, pin_dir: Path) -> None:
    """Each is captured or refused, and the audit log says which; the first are not refused."""
    with faulty(tmp_path, pin_dir, max_concurrent_captures=2, max_waiting=4) as rig:
        pid = rig.daemon.process.pid
        rig.trigger(TRIGGERS)
        wait_until(lambda: len(rig.daemon.audited("declaration")) == TRIGGERS, "all declarations")
        settle(rig)
        refused = {one["timestamp"] for one in rig.daemon.audited("capture_refused")}
        wait_until(
            lambda: len(rig.daemon.audited("capture_sealed")) == TRIGGERS - len(refused),
            "the others",
        )
        sealed = {one["timestamp"] for one in rig.daemon.audited("capture_sealed")}
        declared = {one["timestamp"] for one in rig.daemon.audited("declaration")}
        assert refused
        assert refused | sealed == declared
        assert not refused & sealed
        assert min(declared) in sealed
        assert rig.daemon.log().count("those that come now get no bundle") < len(refused)
        rig.check_well(pid)


def test_killed_at_twenty_moments(tmp_path: Path, pin_dir: Path) -> None:
    """All over the life of a capture: each anomaly has one whole bundle in the end."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    with faulty(tmp_path, pin_dir, compression_level=12) as rig:
        pid = rig.daemon.process.pid
        rig.fake("head -c 1500000 /dev/urandom; sleep 0.05")
        began = time.monotonic()
        rig.capture()
        whole_sec = time.monotonic() - began
        for _ in range(KILLS):
            rig.trigger()
            worker = rig.daemon.wait_for_worker("capture")
            time.sleep(chance.uniform(0, whole_sec))  # the moment; nothing waits for it
            os.kill(worker, signal.SIGKILL)
            rig.daemon.wait_for_worker("capture", other_than=worker)
        settle(rig)
        bundles = rig.daemon.wait_for_bundles(1 + KILLS)
        assert len(bundles) == 1 + KILLS
        interruptions = [check_and_decode(path) for path in bundles]
        audited = Counter(
            f"aod_{one['timestamp']}.tar.zst" for one in rig.daemon.audited("capture_interrupted")
        )
        # A successor that was killed at once has found the folder, and not gone on with it.
        for path, interrupted in zip(bundles, interruptions, strict=True):
            assert interrupted <= audited[path.name]
        print("interrupted", interruptions)
        assert any(interruptions)
        assert len({one["timestamp"] for one in rig.daemon.audited("declaration")}) == 1 + KILLS
        rig.check_well(pid)


def check_and_decode(path: Path) -> int:
    """How often it was interrupted."""
    return int(open_bundle(path).manifest["interrupted"])
