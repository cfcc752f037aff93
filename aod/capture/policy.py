"""How bundles are made with a configuration."""

import asyncio
from collections.abc import Callable
from functools import partial

from aod.actions.process import Children
from aod.actions.resolve import Scope
from aod.actions.source import Limits
from aod.anomaly import Anomaly, Cause
from aod.bundles import histograms, history
from aod.bundles.filling import Policy
from aod.bundles.history import Recorded
from aod.bundles.redaction import Redaction
from aod.capture import snapshot
from aod.config.rules import packets_folder
from aod.config.schema import Config, effective_actions
from aod.detectors.api import nanoseconds
from aod.flight.recorders import trace_folder


def policy(
    config: Config,
    hurry: asyncio.Future[None] | None = None,
    children: Children | None = None,
) -> Policy:
    """How bundles are made with a configuration."""
    max_bytes = int(config.capture.max_file_mb * (1 << 20))
    limits = Limits(config.capture.action_timeout_sec, max_bytes, hurry, children)
    return Policy(
        config.aod_output_dir,
        frozenset(config.watcher.actions),
        limits,
        config.capture.compression_level,
        nanoseconds(config.capture.post_sec * 1e3),
        _scope(config),
        int(config.capture.max_bundle_mb * (1 << 20)),
        redaction=_redaction(config),
    )


def allowed(config: Config, anomaly: Anomaly) -> frozenset[str]:
    """What the configuration gives an anomaly of that name, whatever its declaration wants."""
    if anomaly.rule is Cause.MANUAL:
        return frozenset(snapshot.actions(config))
    configured = config.guardian.anomalies.get(anomaly.name)
    return frozenset(effective_actions(config, configured)) if configured else frozenset()


def _redaction(config: Config) -> Redaction | None:
    return Redaction(config.capture.tcpdump.headers_only) if config.capture.redact else None


def _scope(config: Config) -> Scope:
    kept = config.capture
    return Scope(
        lookback_ns=nanoseconds(kept.lookback_sec * 1e3),
        history_ns=nanoseconds(kept.history_sec * 1e3),
        post_ns=nanoseconds(kept.post_sec * 1e3),
        packets=str(packets_folder(config)),
        trace=trace_folder(config),
        headers_only=kept.tcpdump.headers_only,
    )


def recall(config: Config) -> Callable[[Anomaly, Recorded | None], Recorded]:
    """What the event log of this configuration has of an anomaly."""
    before_ns = nanoseconds(config.capture.history_sec * 1e3)
    span = history.Span(before_ns, nanoseconds(config.capture.post_sec * 1e3))
    return partial(history.recall, config.runtime_dir, span)


def stats(config: Config) -> Callable[[Anomaly], bytes]:
    """What the event log of this configuration says of the kernel's counters."""
    before_ns = nanoseconds(config.capture.history_sec * 1e3)
    return partial(histograms.recall, config.runtime_dir, before_ns)
