"""A bundle that a person asks for, made in this very process."""

import asyncio
import time
from pathlib import Path

from aod import names
from aod.anomaly import Anomaly, Rule
from aod.bundles import bundle
from aod.bundles.filling import Sources
from aod.capture.policy import policy, recall, stats
from aod.config import Config, effective_actions
from aod.detectors.api import kind_of
from aod.detectors.describe import broken_down
from aod.files import FOLDER_MODE
from aod.incidents import Incidents


def capture_now(config: Config, name: str) -> Path:
    """Make a bundle as if the anomaly `name` had been declared now; its path.

    Raises:
        KeyError: the configuration has no such anomaly.
        OSError: the bundle cannot be written.
    """
    anomaly = _manual(config, name)
    config.aod_output_dir.mkdir(FOLDER_MODE, exist_ok=True)
    asked = Sources(recall(config), Incidents().of, stats(config))
    asyncio.run(bundle.make(anomaly, policy(config), asked))
    return config.aod_output_dir / names.archive(anomaly.timestamp)


def _manual(config: Config, name: str) -> Anomaly:
    configured = config.guardian.anomalies[name]
    return Anomaly(
        anomaly=kind_of(type(configured)),
        timestamp=time.time_ns(),
        name=name,
        rule=Rule.MANUAL,
        trigger_ns=time.monotonic_ns(),
        window_ns=int(config.watch_interval_sec * 1e9),
        count=0,
        acceptable_count=configured.acceptable_count,
        suppressed=0,
        reason="nothing was declared: a person asked for this bundle",
        actions=effective_actions(config, configured),
        worst=(),
        breakdown=broken_down(()),
    )
