"""The schema: its defaults are good values, and only one place decides which actions run."""

from pathlib import Path

import msgspec
import pytest

from aod.config.explain import to_path
from aod.config.schema import Config, Guardian, Watcher, effective_actions
from aod.detectors.error import Error
from aod.detectors.latency import Latency
from aod.settings import ActionName, Mode

CONFIG = Config(guardian=Guardian(anomalies={"slow": Latency(), "failed": Error()}))


def test_every_default_lies_within_its_own_bounds() -> None:
    written = msgspec.to_builtins(CONFIG, enc_hook=str)
    assert msgspec.convert(written, Config, dec_hook=to_path) == CONFIG


def test_the_defaults_are_those_of_the_document() -> None:
    latency = Latency()
    assert (latency.mode, latency.acceptable_count) == (Mode.ALL, 10)
    assert (latency.default_threshold_ms, latency.emergency_threshold_ms) == (20, 1000)
    assert (CONFIG.watch_interval_sec, CONFIG.aod_output_dir) == (1, Path("/var/log/aod"))
    assert CONFIG.capture.max_concurrent_captures == 4
    assert CONFIG.audit.enabled


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        CONFIG.ring_mb = 32  # type: ignore[misc]


def test_an_action_runs_if_it_is_allowed() -> None:
    allowed = Watcher(actions=(ActionName.STATS, ActionName.DMESG))
    anomaly = Latency(actions=(ActionName.DMESG, ActionName.MOUNTS))
    config = Config(guardian=Guardian(anomalies={"slow": anomaly}), watcher=allowed)
    assert effective_actions(config, anomaly) == ("dmesg",)


def test_without_an_allow_list_everything_runs() -> None:
    everything = Latency(actions=tuple(ActionName))
    assert effective_actions(CONFIG, everything) == tuple(ActionName)
