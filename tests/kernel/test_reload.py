"""A new configuration under the running daemon, on the real ring."""

import itertools
import os
import signal
from pathlib import Path

from scripts.vm.guest.wait import wait_until
from tests.rig.configs import latency
from tests.rig.daemon import LocalDaemon

CONFIG = DEAF = latency(acceptable_count=1000)
ALERT = latency(acceptable_count=10)


def pins(pin_dir: Path) -> dict[str, int]:
    """Each pin and its inode: another object, another inode."""
    found = pin_dir.rglob("*")
    return {str(path.relative_to(pin_dir)): path.stat().st_ino for path in found}


def test_new_threshold_holds_and_nothing_is_attached_anew(daemon: LocalDaemon) -> None:
    daemon.producer().load(100)
    wait_until(lambda: daemon.status().read == 100, "a hundred records")
    before, workers = pins(daemon.pin_dir), daemon.pids()
    daemon.reload(ALERT)
    daemon.slow(1000)
    daemon.wait_for_bundles(1)
    assert pins(daemon.pin_dir) == before
    assert daemon.pids()[: len(workers)] == workers
    assert daemon.status().records == 111
    (entry,) = wait_until(lambda: daemon.audited("reload"), "its entry")
    key = "guardian.anomalies.latency.acceptable_count"
    assert entry["changed"] == {key: "1000 -> 10"}


def test_what_was_there_before_the_reload_counts_after_it(daemon: LocalDaemon) -> None:
    """Eleven slow ones in one window, six of them before the reload."""
    wide = {"watch_interval_sec": 600}
    daemon.reload(DEAF | wide)
    daemon.slow(1, count=6)
    wait_until(lambda: daemon.status().read == 6, "six records")
    daemon.reload(ALERT | wide)
    daemon.slow(7, count=5)
    daemon.wait_for_bundles(1)


def test_episode_goes_on_over_a_reload(daemon: LocalDaemon) -> None:
    quiet = latency(acceptable_count=10, cooldown_sec=3600)
    daemon.reload(quiet)
    daemon.slow(1000)
    daemon.wait_for_bundles(1)
    daemon.reload(latency(acceptable_count=9, cooldown_sec=3600))
    daemon.slow(2000)

    def suppressed() -> bool:
        (episode,) = daemon.status().anomalies.episodes
        return (episode.declared, episode.suppressed) == (1, 2)  # the tenth, the eleventh

    wait_until(suppressed, "the suppressed triggers")
    assert len(daemon.bundles()) == 1


def test_bad_file_is_refused_and_the_old_configuration_stays(daemon: LocalDaemon) -> None:
    daemon.reload(ALERT)
    daemon.config_file.write_text("guardian:\n  anomalies:\n    latency: {type: Latenzy}\n")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for_log("not reloaded, the old configuration stays")
    assert f"{daemon.config_file}:3: " in daemon.log()
    (entry,) = wait_until(lambda: daemon.audited("reload_refused"), "its entry")
    assert f"{daemon.config_file}:3: " in entry["why"]
    daemon.slow(1000)
    daemon.wait_for_bundles(1)


def test_keys_that_cannot_change_are_named_and_stay(daemon: LocalDaemon, tmp_path: Path) -> None:
    daemon.reload(ALERT | {"ring_mb": 1, "state_dir": str(tmp_path / "elsewhere")})
    assert "restart required for: state_dir, ring_mb" in daemon.log()
    daemon.slow(1000)
    daemon.wait_for_bundles(1)
    assert not (tmp_path / "elsewhere").exists()


def test_worker_that_comes_later_has_the_new_configuration(daemon: LocalDaemon) -> None:
    pid = daemon.wait_for_worker("detect")
    os.kill(pid, signal.SIGSTOP)  # it takes nothing any more
    daemon.configure(ALERT)
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for_log("supervisor: reloaded: ")
    os.kill(pid, signal.SIGKILL)
    daemon.wait_for_worker("detect", other_than=pid)
    daemon.slow(1000)
    daemon.wait_for_bundles(1)


def test_a_storm_of_reloads_under_load_loses_nothing(daemon: LocalDaemon) -> None:
    producer, before = daemon.producer(), pins(daemon.pin_dir)
    for round_ in range(20):
        daemon.configure(DEAF if round_ % 2 else ALERT)
        daemon.process.send_signal(signal.SIGHUP)
        producer.load(5000, first_mid=1 + round_ * 5000)
    wait_until(lambda: daemon.status().read == 100_000, "all records")
    assert pins(daemon.pin_dir) == before
    assert daemon.status().conserved
    assert ": killed by" not in daemon.log()
    daemon.configure(ALERT)
    daemon.process.send_signal(signal.SIGHUP)
    mids = itertools.count(200_000, 11)

    def declared() -> bool:  # as soon as the last of so many reloads is everywhere
        daemon.slow(next(mids))
        return bool(daemon.bundles())

    wait_until(declared, "a bundle by the last configuration")


def test_limits_of_bundles_hold_at_once(daemon: LocalDaemon) -> None:
    daemon.reload(ALERT)
    daemon.slow(1000)
    first = daemon.wait_for_bundles(1)[0]
    daemon.reload(ALERT | {"cleanup": {"max_log_age_days": 1e-9}})
    wait_until(lambda: not first.exists(), "its deletion")


def test_action_that_needs_more_rights_gives_capture_another_life(daemon: LocalDaemon) -> None:
    pid = daemon.wait_for_worker("capture")
    daemon.reload(latency(acceptable_count=10, actions=["dmesg", "trace"]))
    daemon.wait_for_worker("capture", other_than=pid)
    daemon.slow(1000)
    daemon.wait_for_bundles(1)
