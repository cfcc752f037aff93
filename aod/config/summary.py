"""The text of `aod-supervisor --check`: what a configuration makes the daemon watch and do.

Thresholds are read from the rules that the detectors run with, not from the file again.
"""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from aod.config.load import Loaded
from aod.config.rules import packets_folder, rules, wanted
from aod.config.schema import Config, effective_actions, why_skipped
from aod.detectors.api import Rule, Settings
from aod.settings import ActionName
from aod.state.names import AUDIT_FILE

WIDTH: Final = 96
_LABEL: Final = 14
"""Columns of the words on the left."""
_RECORD_BYTES: Final = 64


def render(loaded: Loaded) -> str:
    """Several screens of text; at most 96 columns, but for paths and warnings."""
    config = loaded.config
    parts = [_summary(loaded)]
    for rule, anomaly in zip(rules(config), config.guardian.anomalies.values(), strict=True):
        parts.append([*_anomaly(config, rule, anomaly)])
    parts += [_bundles(config), _kernel(config), _supervision(config)]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _summary(loaded: Loaded) -> list[str]:
    count = len(loaded.warnings)
    warned = {0: "no warnings", 1: "1 warning:"}.get(count, f"{count} warnings:")
    return [f"{loaded.path} can be used; {warned}", *(f"  {line}" for line in loaded.warnings)]


def _anomaly(config: Config, rule: Rule, anomaly: Settings) -> Iterator[str]:
    frame = rule.frame
    words = [frame.kind, *(f"({tool})" for tool in [getattr(anomaly, "tool", "")] if tool)]
    words += [f"mode {mode}" for mode in [getattr(anomaly, "mode", "")] if mode]
    yield f"{frame.name}: {' '.join(words)}"
    window = _number(frame.window_ns / 1e9)
    text = f"more than {frame.acceptable_count} {rule.noun} in {window} s"
    yield from _labelled("declared", text)
    pause = f"{_number(anomaly.cooldown_sec)} s, further triggers are suppressed"
    yield from _labelled("cool-down", pause if anomaly.cooldown_sec else "none")
    for label, described in rule.described():
        yield from _labelled(label, described)
    yield from _actions(config, anomaly)


def _actions(config: Config, anomaly: Settings) -> Iterator[str]:
    runs = effective_actions(config, anomaly)
    yield from _labelled("collects", ", ".join(["events", *runs]))
    skipped: dict[str, list[ActionName]] = {}
    for action in anomaly.actions:
        reason = why_skipped(config, action)
        if reason is not None:
            skipped.setdefault(reason, []).append(action)
    for reason, actions in skipped.items():
        yield from _labelled("skips", f"{', '.join(actions)}: {reason}")


def _bundles(config: Config) -> list[str]:
    capture, cleanup = config.capture, config.cleanup
    return [
        "Bundles",
        *_labelled("written to", f"{config.aod_output_dir}/aod_<timestamp>.tar.zst"),
        *_labelled(
            "each",
            f"the operations from {_number(capture.history_sec)} s before the trigger to"
            f" {_number(capture.post_sec)} s after it, and logs from"
            f" {_number(capture.lookback_sec)} s before it; an action may take"
            f" {_number(capture.action_timeout_sec)} s and write {_number(capture.max_file_mb)} MB,"
            f" all together {_number(capture.max_bundle_mb)} MB;"
            f" zstd level {capture.compression_level}",
        ),
        *_labelled(
            "at once",
            f"{capture.max_concurrent_captures}, and {capture.max_waiting} may wait; none while"
            f" less than {_number(capture.min_free_mb)} MB or {_number(capture.min_free_percent)}%"
            " of the disk is free",
        ),
        *_labelled("redacted", _redacted(config)),
        *(
            _labelled("at shutdown", "a snapshot of everything configured")
            if capture.snapshot_on_stop
            else ()
        ),
        *_labelled(
            "deleted",
            f"after {_number(cleanup.max_log_age_days)} days, and oldest first above"
            f" {_number(cleanup.max_total_log_size_mb)} MB in total; checked every"
            f" {_number(cleanup.cleanup_interval_sec)} s",
        ),
        *_labelled("audit log", _audit_log(config)),
    ]


def _redacted(config: Config) -> str:
    if not config.capture.redact:
        return "no; secrets are masked always"
    packets = "also in packets" if config.capture.tcpdump.headers_only else "packets are left out"
    return f"names of users, domains, hosts, shares and files, and addresses; {packets}"


def _audit_log(config: Config) -> str:
    if not config.audit.enabled:
        return "none"
    path, audit = config.aod_output_dir / AUDIT_FILE, config.audit
    return f"{path}, {audit.files} files of {_number(audit.max_mb)} MB at most"


def _always_on(config: Config) -> Iterator[str]:
    """What runs all the time because an action asks for it."""
    actions, tcpdump = wanted(config), config.capture.tcpdump
    if ActionName.TCPDUMP in actions:
        yield from _labelled(
            "packets",
            f"always on: {_number(tcpdump.ring_mb)} MB in {packets_folder(config)},"
            f" {tcpdump.snaplen:,} bytes of each; bundles have"
            f" {'headers only' if tcpdump.headers_only else 'all of it, file contents too'}",
        )
    if ActionName.TRACE in actions:
        size_mb = _number(config.capture.trace.buffer_mb)
        yield from _labelled("tracepoints", f"always on: a buffer of {size_mb} MB")


def _kernel(config: Config) -> list[str]:
    records = (config.event_log_mb << 20) // _RECORD_BYTES
    return [
        "Recording",
        *_labelled("recorder", f"{config.recorder}: {_RECORDS[config.recorder]}"),
        *_labelled("event log", f"{config.event_log_mb} MB, {records:,} operations"),
        *_labelled("kernel", f"ring {config.ring_mb} MB, pinned under {config.pin_dir}"),
        *_labelled(
            "in flight",
            f"up to {config.max_inflight:,} operations; unanswered after"
            f" {_number(config.unanswered_sec)} s",
        ),
        *_always_on(config),
    ]


_RECORDS: Final = {
    "all": "every finished operation",
    "matching": "only operations that match a threshold or a tracked error",
}


def _supervision(config: Config) -> list[str]:
    policy = config.supervision
    return [
        "Supervision",
        *_labelled("folders", f"{config.runtime_dir} (runtime), {config.state_dir} (state)"),
        *_labelled("silent", f"a worker is killed after {_number(policy.heartbeat_timeout_sec)} s"),
        *_labelled(
            "dead",
            f"a worker is respawned after {_number(policy.first_delay_sec)} to"
            f" {_number(policy.longest_delay_sec)} s; given up after {policy.attempts} deaths"
            f" in {_number(policy.window_sec)} s",
        ),
        *_labelled("shutdown", f"the stages have {_number(policy.drain_timeout_sec)} s to drain"),
    ]


def _labelled(label: str, text: str) -> Iterable[str]:
    """Text beside its label, wrapped under itself; long names and paths stay whole."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"  {label:<{_LABEL}}",
        subsequent_indent=" " * (_LABEL + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _number(value: float) -> str:
    """With the digits it needs: 20, 0.5, 1,000."""
    return f"{value:,.6f}".rstrip("0").rstrip(".")
