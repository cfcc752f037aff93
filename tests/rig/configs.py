"""The sample of a configuration: as a daemon reads it from its file, and as a stage is given it."""

from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from aod.config.schema import Capture, Config, Guardian, Supervision
from aod.detectors.latency import Latency
from aod.settings import ActionName
from aod.smb.commands import Command
from aod.state import spool

NO_USER: Final = "no-such-user"
"""pytest's folders are root's alone; the tests about users have folders that any can get to."""
SMALL_DISK: Final = {"min_free_mb": 0, "min_free_percent": 0}
"""`capture` with whatever room there is."""
CREATE: Final = Command.SMB2_CREATE
SLOW_NS: Final = 50_000_000
"""Above the threshold of every command."""
EMERGENCY_NS: Final = 2 * 10**9


def latency(**changes: Any) -> dict[str, Any]:
    """One anomaly, `latency`, whose evidence is cheap and follows the trigger at once.

    More than 10 slow operations declare it, again and again: there is no cool-down.

    Args:
        changes: settings of the anomaly.
    """
    anomaly = {
        "type": "Latency",
        "acceptable_count": 10,
        "cooldown_sec": 0,
        "actions": ["mounts", "stats"],
    }
    return {
        "capture": {"post_sec": 0, **SMALL_DISK},
        "guardian": {"anomalies": {"latency": anomaly | changes}},
    }


LATENCY: Final = latency()
EMERGENCIES: Final = {"type": "Latency", "cooldown_sec": 0, "actions": ["mounts"]}
"""An anomaly that each emergency declares."""
EAGER: Final = {
    "attempts": 1000,
    "window_sec": 1,
    "first_delay_sec": 0.01,
    "longest_delay_sec": 0.01,
}
"""`supervision` for workers that die often and are to be respawned at once."""


def bare(folder: Path, **changes: Any) -> Config:
    """A configuration with folders below `folder`, of which none is made.

    Args:
        changes: fields of Config.
    """
    made = Config(
        guardian=Guardian(anomalies={"latency": Latency(actions=(ActionName.DMESG,))}),
        aod_output_dir=folder / "out",
        runtime_dir=folder / "run",
        state_dir=folder / "state",
        capture=Capture(action_timeout_sec=10, post_sec=0, min_free_mb=0),
        supervision=Supervision(drain_timeout_sec=600),
    )
    return replace(made, **changes)


def config(folder: Path, **changes: Any) -> Config:
    """A configuration whose folders are in `folder`, and exist, as a stage finds them.

    Args:
        changes: fields of Config.
    """
    made = bare(folder, **changes)
    for path in (made.aod_output_dir, made.runtime_dir, made.state_dir):
        path.mkdir(exist_ok=True)
    spool.prepare(made.state_dir / spool.FOLDER)
    return made
