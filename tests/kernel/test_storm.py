"""A storm in which every operation matches; the long one is `python -m tests.bench storm`."""

from pathlib import Path

from tests.kernel import storm
from tests.rig.daemon import LocalDaemon

PER_SECOND = 200_000
SECONDS = 6
COOLDOWN_SEC = 0.5


def test_a_storm_makes_one_bundle_per_cool_down_and_counts_every_suppressed_trigger(
    tmp_path: Path, pin_dir: Path
) -> None:
    configuration = storm.configuration(COOLDOWN_SEC)
    with LocalDaemon(tmp_path, pin_dir, configuration) as daemon:
        seen = storm.rage(daemon, PER_SECOND, SECONDS, COOLDOWN_SEC)
    storm.check(seen)
    assert seen.total("finished") == PER_SECOND * SECONDS + storm.ACCEPTABLE + 1
