"""What a schema cannot say: values that must agree with each other.

`faults` make a configuration unusable, `doubts` are warnings: it works, but perhaps not as meant.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from aod.config.explain import Problem
from aod.config.rules import frame
from aod.config.schema import Config, Recorder, why_skipped
from aod.config.words import dotted
from aod.config.yaml_lines import Document, Where
from aod.detectors import trial
from aod.detectors.api import Finding, Rule, Settings
from aod.detectors.lists import repeated
from aod.text import quoted
from aod.transport.wire import STAGES, socket_path

_SUN_PATH_BYTES: Final = 108
"""sockaddr_un's, with the zero at the end."""
_LONGEST_SOCKET: Final = max(len(bytes(socket_path(Path("/"), name))) for name in STAGES)
LONGEST_RUNTIME_DIR: Final = _SUN_PATH_BYTES - 1 - _LONGEST_SOCKET
"""Bytes, for the longest path of a socket below it."""


def faults(config: Config, document: Document) -> Iterator[Problem]:
    """Every contradiction and every unknown name, with its line."""
    for name, anomaly in config.guardian.anomalies.items():
        where: Where = ("guardian", "anomalies", name)
        own = trial.answers(anomaly.faults) or trial.rule_faults(
            anomaly, frame(config, name, anomaly)
        )
        yield from _said(document, where, own)
        yield from _said(document, where, repeated("actions", anomaly.actions))
        yield from _said(document, where, trial.answers(partial(_unreachable, config, anomaly)))
    yield from _said(document, ("watcher",), repeated("actions", config.watcher.actions))
    yield from _size_faults(config, document)
    yield from _folder_faults(config, document)
    if config.supervision.longest_delay_sec < config.supervision.first_delay_sec:
        text = f"is shorter than first_delay_sec, {config.supervision.first_delay_sec:g}"
        yield _at(document, ("supervision", "longest_delay_sec"), text)


def doubts(config: Config, document: Document) -> Iterator[Problem]:
    """What is skipped or has no effect, with its line. For a configuration without faults."""
    for name, anomaly in config.guardian.anomalies.items():
        where: Where = ("guardian", "anomalies", name)
        yield from _said(document, where, _skipped_actions(config, anomaly))
        yield from _said(document, where, trial.answers(anomaly.doubts))
        if config.recorder is Recorder.MATCHING:
            yield from _said(document, where, _unheard(anomaly.rule(frame(config, name, anomaly))))


def _said(document: Document, where: Where, findings: Iterable[Finding]) -> Iterator[Problem]:
    for key, text in findings:
        yield _at(document, (*where, *key), text)


def _skipped_actions(config: Config, anomaly: Settings) -> Iterator[Finding]:
    for index, action in enumerate(anomaly.actions):
        reason = why_skipped(config, action)
        if reason is not None:
            yield Finding(("actions", index), f"is {action}, which is skipped: {reason}")


def _unreachable(config: Config, anomaly: Settings) -> Iterator[Finding]:
    """Thresholds beyond the age at which an operation is given up."""
    limit_ms = config.unanswered_sec * 1000
    for key, threshold_ms in anomaly.thresholds_ms():
        if threshold_ms >= limit_ms:
            text = f"is {threshold_ms:g} and never reached: an operation is unanswered after"
            text += f" unanswered_sec, {config.unanswered_sec:g}; allowed: below {limit_ms:g}"
            yield Finding(key, text)


def _unheard(rule: Rule) -> Iterator[Finding]:
    """A rule of another package may leave it to the others to have its records recorded."""
    if rule.knobs().match_nothing:
        text = "may never match: its type asks the kernel for no records, and with"
        yield Finding((), f"{text} recorder: matching only what is asked for is recorded")


def _size_faults(config: Config, document: Document) -> Iterator[Problem]:
    sizes = {
        "ring_mb": config.ring_mb,
        "event_log_mb": config.event_log_mb,
        "max_inflight": config.max_inflight,
    }
    for key, size in sizes.items():
        if size.bit_count() != 1:
            lower = 1 << (size.bit_length() - 1)
            text = f"is {size}; allowed: a power of two, such as {lower} or {lower * 2}"
            yield _at(document, (key,), text)


def _folder_faults(config: Config, document: Document) -> Iterator[Problem]:
    folders = {
        "aod_output_dir": config.aod_output_dir,
        "runtime_dir": config.runtime_dir,
        "state_dir": config.state_dir,
        "pin_dir": config.pin_dir,
    }
    seen: dict[Path, str] = {}
    for key, folder in folders.items():
        first = seen.setdefault(folder, key)
        if first != key:
            text = f"is {quoted(str(folder))}, and so is {first}; allowed: a folder for each"
            yield _at(document, (key if (key,) in document.key_lines else first,), text)
    length = len(str(config.runtime_dir).encode())
    if length > LONGEST_RUNTIME_DIR:
        text = f"is {length} bytes long; allowed: at most {LONGEST_RUNTIME_DIR}, for its sockets"
        yield _at(document, ("runtime_dir",), text)


def _at(document: Document, where: Where, text: str) -> Problem:
    """A problem at a key, or at the nearest section around it when the key is not written."""
    message = f"{dotted(where)} {text}"
    while where and where not in document.key_lines and where not in document.value_lines:
        where = where[:-1]
    return Problem(document.line(where), message)
