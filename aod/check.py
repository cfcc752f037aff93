"""The text of `aod-supervisor --check`: what a configuration makes the daemon watch and do.

Thresholds are read from the rules that the detectors run with, not from the file again.
"""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from aod.config import ActionName, Config, Error, Latency, Mode, effective_actions, why_skipped
from aod.config_file import Loaded
from aod.rules import NEVER_NS, LatencyRule, Rule, rules
from aod.smb import errors, ntstatus
from aod.smb.commands import LEFT_OUT, Command

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


def _anomaly(config: Config, rule: Rule, anomaly: Latency | Error) -> Iterator[str]:
    yield f"{rule.name}: {type(anomaly).__name__} ({anomaly.tool}), mode {anomaly.mode}"
    yield from _declared(config, anomaly)
    if isinstance(rule, LatencyRule) and isinstance(anomaly, Latency):
        yield from _latency(anomaly, rule)
    elif isinstance(anomaly, Error):
        yield from _error(anomaly)
    yield from _actions(config, anomaly)


def _declared(config: Config, anomaly: Latency | Error) -> Iterator[str]:
    slow = isinstance(anomaly, Latency)
    what = "operations slower than their threshold" if slow else "failed operations that count"
    window = _number(config.watch_interval_sec)
    text = f"when more than {anomaly.acceptable_count} {what} lie within {window} s"
    if isinstance(anomaly, Latency) and anomaly.emergency_threshold_ms is not None:
        text += "; at once when one of them reaches its emergency threshold, finished or not"
    yield from _labelled("declared", text)
    pause = f"further triggers are counted, not captured, for {_number(anomaly.cooldown_sec)} s"
    yield from _labelled("after that", pause if anomaly.cooldown_sec else "every trigger anew")


def _latency(anomaly: Latency, rule: LatencyRule) -> Iterator[str]:
    yield f"  {'watched':<{_LABEL}}{'command':<22}{'slower than':>14}{'emergency':>14}"
    tracked = {entry.command for entry in anomaly.track_commands}
    for command in Command:
        if rule.threshold_ns[command] != NEVER_NS:
            limits = (int(rule.threshold_ns[command]), int(rule.emergency_ns[command]))
            slow, emergency = (_milliseconds(limit) for limit in limits)
            mark = "  track_commands" if command.name in tracked else ""
            yield f"  {'':<{_LABEL}}{command.name:<22}{slow:>14}{emergency:>14}{mark}"
    yield from _left_out(anomaly, rule)


def _left_out(anomaly: Latency, rule: LatencyRule) -> Iterator[str]:
    if anomaly.mode is Mode.TRACKONLY:
        yield from _labelled("left out", "every command that is not in track_commands")
        return
    excluded = anomaly.exclude_commands if anomaly.mode is Mode.EXCLUDEONLY else ()
    if excluded:
        yield from _labelled("left out", ", ".join(excluded))
    by_reason: dict[str, list[str]] = {}
    for command, reason in LEFT_OUT.items():
        if rule.threshold_ns[command] == NEVER_NS and command.name not in excluded:
            by_reason.setdefault(reason, []).append(command.name)
    yield from _labelled("left out", "what is slow for its own reasons, unless in track_commands:")
    for reason, names in by_reason.items():
        yield from _labelled("", f"{', '.join(names)}: {reason}")


def _error(anomaly: Error) -> Iterator[str]:
    tracked = ", ".join(map(_code, anomaly.track_codes))
    if anomaly.mode is Mode.TRACKONLY:
        yield from _labelled("counted", tracked)
    else:
        yield from _labelled("counted", "every failed operation but those left out here")
        if tracked:
            yield from _labelled("", f"always {tracked}")
    if anomaly.mode is Mode.EXCLUDEONLY and anomaly.exclude_codes:
        yield from _labelled("left out", ", ".join(map(_code, anomaly.exclude_codes)))
    vague = [code for code in anomaly.track_codes if errors.NUMBERS.get(code) in errors.VAGUE]
    if anomaly.mode is not Mode.TRACKONLY:
        yield from _benign(anomaly, "left out", "what is no failure, unless in track_codes:")
    elif vague:
        yield from _benign(
            anomaly, "left out", f"what is no failure, even as {' or '.join(vague)}:"
        )


def _benign(anomaly: Error, label: str, why: str) -> Iterator[str]:
    """The benign statuses, those with the same commands together."""
    yield from _labelled(label, why)
    grouped: dict[frozenset[Command], list[str]] = {}
    for status, commands in ntstatus.BENIGN.items():
        if ntstatus.NAMES[status] not in anomaly.track_codes:
            grouped.setdefault(commands, []).append(ntstatus.NAMES[status])
    for commands, names in grouped.items():
        to = ", ".join(command.name for command in sorted(commands))
        where = "" if len(commands) == len(Command) else f" (in answers to {to})"
        yield from _labelled("", ", ".join(names) + where)


def _code(name: str) -> str:
    if name in errors.NUMBERS:
        return f"{name} ({errors.NUMBERS[name]})"
    return f"{name} (0x{ntstatus.NUMBERS[name]:08X})"


def _actions(config: Config, anomaly: Latency | Error) -> Iterator[str]:
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
            f"the operations of the last {_number(capture.history_sec)} s; an action may take"
            f" {_number(capture.action_timeout_sec)} s and write {_number(capture.max_file_mb)} MB;"
            f" zstd level {capture.compression_level}",
        ),
        *_labelled("at once", f"{capture.max_concurrent}"),
        *_labelled(
            "deleted",
            f"after {_number(cleanup.max_log_age_days)} days, and oldest first above"
            f" {_number(cleanup.max_total_log_size_mb)} MB in total; looked at every"
            f" {_number(cleanup.cleanup_interval_sec)} s",
        ),
        *_labelled("audit log", "not written by this version, whatever audit.enabled says"),
    ]


def _kernel(config: Config) -> list[str]:
    records = (config.event_log_mb << 20) // _RECORD_BYTES
    return [
        "Recording",
        *_labelled("recorder", f"{config.recorder}: {_RECORDS[config.recorder]}"),
        *_labelled("event log", f"{config.event_log_mb} MB, {records:,} operations"),
        *_labelled("kernel", f"ring {config.ring_mb} MB, pinned under {config.pin_dir}"),
        *_labelled(
            "in flight",
            f"up to {config.max_inflight:,} operations; given up after"
            f" {_number(config.unanswered_sec)} s without an answer",
        ),
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
        *_labelled(
            "silent", f"a worker is replaced after {_number(policy.heartbeat_timeout_sec)} s"
        ),
        *_labelled(
            "dead",
            f"brought back after {_number(policy.first_delay_sec)} to"
            f" {_number(policy.longest_delay_sec)} s; given up when it dies {policy.attempts} times"
            f" within {_number(policy.window_sec)} s",
        ),
        *_labelled(
            "stop", f"all stages together have {_number(policy.drain_timeout_sec)} s to finish"
        ),
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


def _milliseconds(nanoseconds: int) -> str:
    return "off" if nanoseconds == NEVER_NS else f"{_number(nanoseconds // 1000 / 1000)} ms"


def _number(value: float) -> str:
    """With the digits it needs: 20, 0.5, 1,000."""
    return f"{value:,.6f}".rstrip("0").rstrip(".")
