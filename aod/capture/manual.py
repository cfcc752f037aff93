"""A bundle that a person asks for, made in this very process."""

import asyncio
from contextlib import nullcontext
from pathlib import Path

from msgspec.structs import replace

from aod.actions.job import Children, Job
from aod.anomaly import Anomaly
from aod.bundles import bundle
from aod.bundles.filling import Surroundings
from aod.capture.snapshot import asked_for
from aod.config.schema import Config, effective_actions
from aod.detectors.api import kind_of
from aod.files import OUTPUT_MODE
from aod.host.clock import ClockWatch
from aod.state import names


def capture_now(config: Config, name: str) -> Path:
    """Make a bundle as if the anomaly `name` had been declared now; its path.

    Raises KeyError: the configuration has no such anomaly. Raises OSError: the bundle cannot be
    written."""
    configured = config.guardian.anomalies[name]
    kind, actions = kind_of(type(configured)), effective_actions(config, configured)
    reason = "nothing was declared: a person asked for this bundle"
    anomaly = replace(
        asked_for(config, kind, name, actions, reason), acceptable_count=configured.acceptable_count
    )
    config.aod_output_dir.mkdir(OUTPUT_MODE, exist_ok=True)
    asyncio.run(_make(anomaly, config))
    return config.aod_output_dir / names.archive(anomaly.timestamp)


async def _make(anomaly: Anomaly, config: Config) -> None:
    around = Surroundings(
        begun=lambda _: None,
        related=lambda _: (),
        losses=dict,
        room=nullcontext,
        redacting=asyncio.Lock(),
        clock=ClockWatch(),
    )
    await bundle.make(anomaly, config, Job(config, Children(lambda _: None)), around)
