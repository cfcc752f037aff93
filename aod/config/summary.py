"""The text of `aod-supervisor --check`: what a configuration makes the daemon watch and do.

Thresholds are read from the rules that the detectors run with, not from the file again."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from aod.config.load import Loaded
from aod.config.rules import packets_folder, rules, wanted
from aod.config.schema import NOT_ALLOWED, Config, Recorder, effective_actions
from aod.detectors.api import Rule, Settings
from aod.event import EVENT_DTYPE
from aod.settings import ActionName
from aod.state.names import AUDIT_FILE

WIDTH: Final = 96
_LABEL: Final = 14
"""Columns of the words on the left."""
_RECORDS: Final = {
    Recorder.ALL: "every finished operation",
    Recorder.MATCHING: "only operations that match a threshold or a tracked error",
}

Lines: TypeAlias = Iterator[tuple[str, str]]
"""A label and the text beside it."""


def render(loaded: Loaded) -> str:
    """Several screens of text; at most 96 columns, but for paths and warnings."""
    config = loaded.config
    count = len(loaded.warnings)
    warned = {0: "no warnings", 1: "1 warning:"}.get(count, f"{count} warnings:")
    parts = [[f"{loaded.path} can be used; {warned}", *(f"  {line}" for line in loaded.warnings)]]
    for rule, anomaly in zip(rules(config), config.guardian.anomalies.values(), strict=True):
        parts.append(_section(_title(rule, anomaly), _anomaly(config, rule, anomaly)))
    sections = {"Bundles": _bundles, "Recording": _recording, "Supervision": _supervision}
    parts += [_section(title, lines(config)) for title, lines in sections.items()]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _section(title: str, lines: Iterable[tuple[str, str]]) -> list[str]:
    """Each text beside its label, wrapped under itself; long names and paths stay whole."""
    indent = " " * (_LABEL + 2)
    wrapped = textwrap.TextWrapper(
        WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    found = [title]
    for label, text in lines:
        wrapped.initial_indent = f"  {label:<{_LABEL}}"
        found += wrapped.wrap(text)
    return found


def _title(rule: Rule, anomaly: Settings) -> str:
    tool, mode = getattr(anomaly, "tool", ""), getattr(anomaly, "mode", "")
    words = (rule.frame.kind, tool and f"({tool})", mode and f"mode {mode}")
    return f"{rule.frame.name}: {' '.join(filter(None, words))}"


def _anomaly(config: Config, rule: Rule, anomaly: Settings) -> Lines:
    frame = rule.frame
    window = _number(frame.window_ns / 1e9)
    yield "declared", f"more than {frame.acceptable_count} {rule.noun} in {window} s"
    pause = f"{_number(anomaly.cooldown_sec)} s, further triggers are suppressed"
    yield "cool-down", pause if anomaly.cooldown_sec else "none"
    yield from rule.described()
    runs = effective_actions(config, anomaly)
    yield "collects", ", ".join(["events", *runs])
    if skipped := [action for action in anomaly.actions if action not in runs]:
        yield "skips", f"{', '.join(skipped)}: {NOT_ALLOWED}"


def _bundles(config: Config) -> Lines:
    capture, cleanup, audit = config.capture, config.cleanup, config.audit
    yield "written to", f"{config.aod_output_dir}/aod_<timestamp>.tar.zst"
    yield (
        "each",
        f"the operations from {_number(capture.history_sec)} s before the trigger to"
        f" {_number(capture.post_sec)} s after it, and logs from"
        f" {_number(capture.lookback_sec)} s before it; an action may take"
        f" {_number(capture.action_timeout_sec)} s and write {_number(capture.max_file_mb)} MB,"
        f" all together {_number(capture.max_bundle_mb)} MB;"
        f" zstd level {capture.compression_level}",
    )
    yield (
        "at once",
        f"{capture.max_concurrent_captures}, and {capture.max_waiting} may wait; none while"
        f" less than {_number(capture.min_free_mb)} MB or {_number(capture.min_free_percent)}%"
        " of the disk is free",
    )
    packets = "also in packets" if capture.tcpdump.headers_only else "packets are left out"
    replaced = f"names of users, domains, hosts, shares and files, and addresses; {packets}"
    yield "redacted", replaced if capture.redact else "no; secrets are masked always"
    if capture.snapshot_on_stop:
        yield "at shutdown", "a snapshot of everything configured"
    yield (
        "deleted",
        f"after {_number(cleanup.max_log_age_days)} days, and oldest first above"
        f" {_number(cleanup.max_total_log_size_mb)} MB in total; checked every"
        f" {_number(cleanup.cleanup_interval_sec)} s",
    )
    files = f"{audit.files} files of {_number(audit.max_mb)} MB at most"
    yield "audit log", f"{config.aod_output_dir / AUDIT_FILE}, {files}" if audit.enabled else "none"


def _recording(config: Config) -> Lines:
    records = (config.event_log_mb << 20) // EVENT_DTYPE.itemsize
    unanswered = f"unanswered after {_number(config.unanswered_sec)} s"
    yield "recorder", f"{config.recorder}: {_RECORDS[config.recorder]}"
    yield "event log", f"{config.event_log_mb} MB, {records:,} operations"
    yield "kernel", f"ring {config.ring_mb} MB, pinned under {config.pin_dir}"
    yield "in flight", f"up to {config.max_inflight:,} operations; {unanswered}"
    actions, tcpdump = wanted(config), config.capture.tcpdump
    if ActionName.TCPDUMP in actions:
        content = "headers only" if tcpdump.headers_only else "all of it, file contents too"
        yield (
            "packets",
            f"always on: {_number(tcpdump.ring_mb)} MB in {packets_folder(config)},"
            f" {tcpdump.snaplen:,} bytes of each of port {' and '.join(map(str, tcpdump.ports))};"
            f" bundles have {content}",
        )
    if ActionName.TRACE in actions:
        yield "tracepoints", f"always on: a buffer of {_number(config.capture.trace.buffer_mb)} MB"


def _supervision(config: Config) -> Lines:
    policy = config.supervision
    yield "folders", f"{config.runtime_dir} (runtime), {config.state_dir} (state)"
    yield "silent", f"a worker is killed after {_number(policy.heartbeat_timeout_sec)} s"
    yield (
        "dead",
        f"a worker is respawned after {_number(policy.first_delay_sec)} to"
        f" {_number(policy.longest_delay_sec)} s; given up after {policy.attempts} deaths"
        f" in {_number(policy.window_sec)} s",
    )
    yield "shutdown", f"the stages have {_number(policy.drain_timeout_sec)} s to drain"


def _number(value: float) -> str:
    """With the digits it needs: 20, 0.5, 1,000."""
    return f"{value:,.6f}".rstrip("0").rstrip(".")
