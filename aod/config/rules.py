"""The rules of a configuration, one per anomaly, and the thresholds of all for the kernel.

Both are derived here from the same settings, so they cannot disagree: the kernel wakes user space
for whatever a rule must see at once."""

from pathlib import Path

from aod.config.schema import Config, Recorder, effective_actions
from aod.detectors.api import Frame, Rule, Settings, kind_of, nanoseconds
from aod.kernel.thresholds import KernelThresholds, merge
from aod.settings import ActionName
from aod.state import names


def rules(config: Config) -> tuple[Rule, ...]:
    """One rule per anomaly, in the order of the file."""
    anomalies = config.guardian.anomalies.items()
    return tuple(settings.rule(frame(config, name, settings)) for name, settings in anomalies)


def frame(config: Config, name: str, settings: Settings) -> Frame:
    """What the rule of an anomaly has in common with all others."""
    return Frame(
        kind=kind_of(type(settings)),
        name=name,
        acceptable_count=settings.acceptable_count,
        window_ns=nanoseconds(config.watch_interval_sec * 1e3),
        cooldown_ns=nanoseconds(settings.cooldown_sec * 1e3),
        actions=effective_actions(config, settings),
    )


def kernel_thresholds(config: Config) -> KernelThresholds:
    """The kernel's side of `rules`."""
    knobs = (rule.knobs() for rule in rules(config))
    return merge(knobs, matching_only=config.recorder is Recorder.MATCHING)


def wanted(config: Config) -> frozenset[ActionName]:
    """The actions that run for some anomaly."""
    anomalies = config.guardian.anomalies.values()
    return frozenset(action for one in anomalies for action in effective_actions(config, one))


def packets_folder(config: Config) -> Path:
    """The folder of the ring of packets."""
    return config.capture.tcpdump.folder or config.runtime_dir / names.PACKETS_FOLDER
