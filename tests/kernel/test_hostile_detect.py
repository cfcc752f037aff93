"""A detect that was taken over harms nobody but itself: real processes, a real user, real root."""

import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aod.state import names
from scripts.vm.guest.daemon import BIN
from scripts.vm.guest.wait import wait_until
from tests.kernel.hostile import BASE_NS, Hostile, as_user
from tests.rig.bundles import open_bundle
from tests.rig.daemon import LocalDaemon

SECRET = b"precious and nobody's business"
NOBODY = pwd.getpwnam("nobody")
CONFIG = {
    "user": "nobody",
    "capture": {"post_sec": 0, "min_free_mb": 0, "max_waiting": 8},
    "cleanup": {"max_total_log_size_mb": 100, "max_log_age_days": 30_000},
    "guardian": {
        "anomalies": {
            "latency": {"type": "Latency", "cooldown_sec": 0, "actions": ["mounts"]},
            "other": {"type": "Error", "track_codes": ["EIO"], "actions": ["system"]},
        }
    },
}


class Scene:
    """The daemon without its detect, the one who plays it, and what it must not have."""

    def __init__(self, daemon: LocalDaemon, base: Path):
        self.daemon, self._base = daemon, base
        outside = base / "outside"
        outside.mkdir()
        self.victim = outside / "victim"
        self.victim.write_bytes(SECRET)
        self.victim.chmod(0o600)
        self.hostile = Hostile(daemon.runtime_dir, daemon.state_dir, daemon.output_dir, self.victim)
        self._pids = self.pids()
        self._before = self.outside()

    def outside(self) -> dict[str, Any]:
        """All that is not the daemon's, as it is."""
        found = {}
        for path in sorted((self._base / "outside").rglob("*")):
            status = path.lstat()
            owner = (status.st_uid, status.st_gid, status.st_mode)
            found[str(path)] = (*owner, status.st_mtime_ns, path.read_bytes())
        return found

    def pids(self) -> dict[str, int]:
        return {
            stage: self.daemon.wait_for_worker(stage) for stage in ("collect", "capture", "cleanup")
        }

    def play(self, *tricks: Any) -> None:
        for trick in tricks:
            self.hostile.at += 1_000_000  # each begins anew, for each has a process of its own
            as_user(NOBODY.pw_uid, NOBODY.pw_gid, trick)

    def wait_until_digested(self) -> None:
        """Until the spool holds only what failed permanently, and no bundle is being made."""

        def done() -> bool:
            left = [*self.hostile.spool.glob("[1-9]*[0-9].json")]
            return not left and not [*self.daemon.output_dir.glob("aod_*[0-9]")]

        wait_until(done, "the end of what was planted", 60)

    def check(self) -> None:
        """Nobody died, nothing outside was touched, and nothing of it is in a log or a bundle."""
        assert self.pids() == self._pids
        assert self.outside() == self._before
        log = self.daemon.log_file.read_bytes()
        assert SECRET not in log
        assert b"Traceback" not in log
        assert not [line for line in log.splitlines() if not line.decode().isprintable()]
        for path in self.daemon.bundles():
            for name, content in open_bundle(path).files.items():
                assert Path(name).name == name
                assert SECRET not in content
        assert SECRET not in b"".join(
            path.read_bytes() for path in self.daemon.output_dir.glob("audit*.jsonl")
        )

    def sources(self, timestamp: int) -> dict[str, str]:
        path = self.daemon.output_dir / names.archive(timestamp)
        wait_until(path.exists, f"{path.name}")
        sources = open_bundle(path).manifest["sources"]
        return {one["name"]: one["status"] for one in sources}


@pytest.fixture
def scene(base: Path, pin_dir: Path) -> Iterator[Scene]:
    with LocalDaemon(base, pin_dir, CONFIG, "--without", "detect") as daemon:
        yield Scene(daemon, base)


def genuine(scene: Scene) -> dict[str, str]:
    """What a detect that nobody has taken over makes of slow operations: its bundle's sources."""
    daemon = scene.daemon
    command = [str(BIN / "aod-stage"), "detect", "-c", str(daemon.config_file)]
    known = set(daemon.bundles())
    with subprocess.Popen(command, env=daemon.environment) as detect:
        daemon.slow()
        (made,) = wait_until(lambda: set(daemon.bundles()) - known, "its bundle", 60)
        detect.terminate()
        assert detect.wait(20) == 0
    return scene.sources(names.archive.timestamp(made.name) or 0)


def test_what_it_must_not_do_at_all_is_refused(scene: Scene, pin_dir: Path) -> None:
    scene.play(lambda: scene.hostile.try_the_doors(pin_dir))
    scene.check()


def test_whatever_it_puts_into_the_spool_capture_lives_on(scene: Scene) -> None:
    (scene.hostile.spool / names.spooled(BASE_NS - 7)).hardlink_to(scene.victim)
    assert genuine(scene)["mounts"] == "ok"
    (sealed,) = [names.archive.timestamp(path.name) or 0 for path in scene.daemon.bundles()]
    hostile = scene.hostile
    scene.play(
        hostile.plant_what_is_no_file,
        hostile.plant_names,
        hostile.plant_rubbish,
        lambda: hostile.plant_absurdities(sealed),
    )
    scene.wait_until_digested()
    assert genuine(scene) == {"mounts": "ok"}
    scene.check()


def test_it_gets_no_action_that_is_not_the_anomalys(scene: Scene) -> None:
    scene.play(scene.hostile.want_more_than_is_configured)
    first = scene.hostile.at + 1
    sources = scene.sources(first)
    assert {name for name, status in sources.items() if status != "missing"} == {"mounts"}
    sources = scene.sources(first + 1)
    assert {name for name, status in sources.items() if status != "missing"} == {"system"}
    sources = scene.sources(first + 2)
    assert {name for name, status in sources.items() if status != "missing"} == set()
    scene.wait_until_digested()
    assert not (scene.daemon.output_dir / names.archive(first + 3)).exists()
    scene.check()


def test_entries_that_change_while_they_are_read(scene: Scene) -> None:
    scene.play(scene.hostile.exchange)
    scene.wait_until_digested()
    assert genuine(scene) == {"mounts": "ok"}
    scene.check()


def test_a_flood_of_entries_and_messages(scene: Scene) -> None:
    scene.play(scene.hostile.talk_to_everybody, scene.hostile.flood)
    scene.wait_until_digested()
    assert genuine(scene) == {"mounts": "ok"}
    scene.check()


def test_positions_that_cannot_be(scene: Scene) -> None:
    def absurd(turn: int) -> None:
        for at, _ in enumerate(scene.hostile.write_absurd_positions()):
            if at == turn:
                return

    for turn in range(6):
        scene.play(lambda turn=turn: absurd(turn))
        before = scene.daemon.status().records
        scene.daemon.producer().load(100)
        wait_until(
            lambda before=before: scene.daemon.status().records == before + 100,  # type: ignore[misc]
            f"the records after position {turn}",
        )
    scene.check()
    assert genuine(scene) == {"mounts": "ok"}
