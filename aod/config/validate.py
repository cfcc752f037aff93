"""What a schema cannot say: values that must agree with each other.

`faults` make a configuration unusable; `doubts` are warnings: it works, perhaps not as meant."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from aod.config.explain import Problem, dotted
from aod.config.rules import frame
from aod.config.schema import NOT_ALLOWED, Config, Recorder, effective_actions
from aod.config.yaml_lines import Document, Where
from aod.detectors import trial
from aod.detectors.api import Finding, Settings
from aod.detectors.lists import repeated
from aod.text import quoted
from aod.transport.wire import STAGES, socket_path

LONGEST_RUNTIME_DIR: Final = 107 - max(len(bytes(socket_path(Path("/"), one))) for one in STAGES)
"""Bytes: the longest path of a socket below it has room in sockaddr_un, 108 with the zero."""
SIZES: Final = ("ring_mb", "event_log_mb", "max_inflight")
FOLDERS: Final = ("aod_output_dir", "runtime_dir", "state_dir", "pin_dir")


def faults(config: Config, document: Document) -> Iterator[Problem]:
    """Every contradiction and every unknown name, with its line."""
    for name, anomaly in config.guardian.anomalies.items():
        yield from _at(document, ("guardian", "anomalies", name), _faults(config, name, anomaly))
    yield from _at(document, ("watcher",), repeated("actions", config.watcher.actions))
    yield from _at(document, (), _own_faults(config, document))


def doubts(config: Config, document: Document) -> Iterator[Problem]:
    """What is skipped or has no effect, with its line. For a configuration without faults."""
    for name, anomaly in config.guardian.anomalies.items():
        yield from _at(document, ("guardian", "anomalies", name), _doubts(config, name, anomaly))


def _at(document: Document, section: Where, findings: Iterable[Finding]) -> Iterator[Problem]:
    """Each at its key, or at the nearest section around it when the key is not written."""
    for key, text in findings:
        where = (*section, *key)
        message = f"{dotted(where)} {text}"
        while where and where not in document.key_lines and where not in document.value_lines:
            where = where[:-1]
        yield Problem(document.line(where), message)


def _faults(config: Config, name: str, anomaly: Settings) -> Iterator[Finding]:
    own = trial.findings(anomaly.faults)
    yield from own or trial.rule_faults(anomaly, frame(config, name, anomaly))
    yield from repeated("actions", anomaly.actions)
    yield from trial.findings(partial(_unreachable, config, anomaly))


def _unreachable(config: Config, anomaly: Settings) -> Iterator[Finding]:
    """Thresholds beyond the age at which an operation is unanswered."""
    limit_ms = config.unanswered_sec * 1000
    for key, threshold_ms in anomaly.thresholds_ms():
        if threshold_ms >= limit_ms:
            text = f"is {threshold_ms:g} and never reached: an operation is unanswered after"
            text += f" unanswered_sec, {config.unanswered_sec:g}; allowed: below {limit_ms:g}"
            yield Finding(key, text)


def _doubts(config: Config, name: str, anomaly: Settings) -> Iterator[Finding]:
    allowed = effective_actions(config, anomaly)
    for index, action in enumerate(anomaly.actions):
        if action not in allowed:
            yield Finding(("actions", index), f"is {action}, which is skipped: {NOT_ALLOWED}")
    yield from trial.findings(anomaly.doubts)
    # A rule of another package may leave it to the others to have its records recorded.
    thresholds = anomaly.rule(frame(config, name, anomaly)).knobs()
    if config.recorder is Recorder.MATCHING and thresholds.match_nothing:
        text = "may never match: its type asks the kernel for no records, and with"
        yield Finding((), f"{text} recorder: matching only what is asked for is recorded")


def _own_faults(config: Config, document: Document) -> Iterator[Finding]:
    for key in SIZES:
        size = getattr(config, key)
        if size.bit_count() != 1:
            lower = 1 << (size.bit_length() - 1)
            text = f"is {size}; allowed: a power of two, such as {lower} or {lower * 2}"
            yield Finding((key,), text)
    seen: dict[Path, str] = {}
    for key in FOLDERS:
        folder = getattr(config, key)
        first = seen.setdefault(folder, key)
        if first != key:
            text = f"is {quoted(str(folder))}, and so is {first}; allowed: a folder for each"
            yield Finding((key if (key,) in document.key_lines else first,), text)
    length = len(str(config.runtime_dir).encode())
    if length > LONGEST_RUNTIME_DIR:
        text = f"is {length} bytes long; allowed: at most {LONGEST_RUNTIME_DIR}, for its sockets"
        yield Finding(("runtime_dir",), text)
    policy = config.supervision
    if policy.longest_delay_sec < policy.first_delay_sec:
        text = f"is shorter than first_delay_sec, {policy.first_delay_sec:g}"
        yield Finding(("supervision", "longest_delay_sec"), text)
