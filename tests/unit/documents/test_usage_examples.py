"""What aod-detectors(7) says is declared: each of its examples, run."""

import re
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pytest

from aod.anomaly import Anomaly
from aod.config.load import Loaded
from aod.config.rules import rules
from aod.detectors.detector import Detector, Found
from aod.event import CONNECTION, EVENT_DTYPE, IN_FLIGHT, UNANSWERED, Events
from aod.smb import errors, ntstatus
from aod.smb.commands import PATIENCE, Command, ConnectionEvent
from aod.smb.peers import Names
from tests.unit.config.cases import loaded
from tests.unit.documents import manual_text

EXAMPLES: Final = {
    title: text for title, text in manual_text.sections("aod-detectors.7").items() if "=> " in text
}
NS: Final = {"s": 10**9, "ms": 10**6}
_ROW: Final = re.compile(r"^\d.*\n(?: .*\n)*", re.MULTILINE)


class Row(NamedTuple):
    """A record of an example, in as many lines as it takes."""

    at: str
    record: str
    declared: str
    why: str


class Example(NamedTuple):
    """A configuration, records, and what they declare."""

    yaml: str
    rows: list[Row]


def example(title: str) -> Example:
    """A configuration begins with a key, a record with a digit; formulas do neither."""
    *_, yaml, records = manual_text.blocks(EXAMPLES[title])
    assert yaml.startswith(("guardian:", "watch_interval_sec:"))
    rows = _ROW.findall(records)
    assert "".join(rows) == records
    return Example(yaml, [row(text) for text in rows])


def row(text: str) -> Row:
    """Parts are two spaces or a line's end apart."""
    at, record, *others = re.split(r"\n? {2,}|\n", text.rstrip())
    declared = [other.removeprefix("=> ") for other in others if other.startswith("=> ")]
    assert len(declared) <= 1
    why = " ".join(other for other in others if not other.startswith("=> "))
    return Row(at, record, "".join(declared), why)


def test_every_rule_has_its_example() -> None:
    assert list(EXAMPLES) == [
        "SLOW OPERATIONS",
        "OPERATIONS THAT TAKE FAR TOO LONG",
        "OPERATIONS THAT HANG",
        "OPERATIONS THAT ARE NEVER ANSWERED",
        "COMMANDS THAT NEED PATIENCE",
        "ERRORS: ALL OF THEM",
        "ERRORS: ONLY SOME",
        "ERRORS: ALL BUT SOME",
        "CONNECTIONS",
        "THE WINDOW SLIDES",
        "MATCHES ARE USED UP",
        "COOL-DOWN, AND WHAT IS SUPPRESSED",
        "AN EMERGENCY INTERRUPTS AN EPISODE, ONCE",
        "ANOMALIES OF ONE INCIDENT",
    ]


def test_the_examples_are_as_many_as_they_were() -> None:
    rows = [row for title in EXAMPLES for row in example(title).rows]
    assert len(rows) >= 64
    assert sum(bool(row.declared) for row in rows) >= 30


# From words to records.

_TIME: Final = r"([\d.]+) (s|ms)"
_FORMS: Final = {
    re.compile(rf"(SMB2_\w+)(?: #(\d+))? took {_TIME}"): 0,
    re.compile(rf"(SMB2_\w+)(?: #(\d+))? in flight for {_TIME}"): IN_FLIGHT,
    re.compile(rf"(SMB2_\w+)(?: #(\d+))? never answered after {_TIME}"): UNANSWERED,
}
_FAILED: Final = re.compile(r"(SMB2_\w+) failed: (STATUS_\w+), (E\w+)")


def nanoseconds(text: str) -> int:
    amount, unit = text.split(" ")
    return round(float(amount) * NS[unit])


def record(row: Row, number: int) -> Events:
    """The record of a row; `number` is its mid, unless the row has one."""
    made = np.zeros(1, EVENT_DTYPE)
    made["end_ns"], made["mid"], made["session_id"] = nanoseconds(row.at), number, 1
    for form, flags in _FORMS.items():
        if found := form.fullmatch(row.record):
            command, mid, amount, unit = found.groups()
            made["command"], made["flags"] = Command[command], flags
            made["mid"], made["latency_ns"] = mid or number, nanoseconds(f"{amount} {unit}")
            return made
    if found := _FAILED.fullmatch(row.record):
        command, status, errno = found.groups()
        made["command"], made["latency_ns"] = Command[command], 1
        made["status"], made["error"] = ntstatus.NUMBERS[status], -errors.NUMBERS[errno]
        return made
    made["command"], made["flags"] = ConnectionEvent[row.record.upper()], CONNECTION
    return made


def records(made: Example) -> list[Events]:
    return [record(row, 1000 + number) for number, row in enumerate(made.rows)]


# And what comes of them, in the same words.


def said(anomaly: Anomaly) -> str:
    """As the page says it, behind `=>`."""
    text = f"{anomaly.name}: {anomaly.rule} {anomaly.count}"
    text += f", {anomaly.suppressed} suppressed" if anomaly.suppressed else ""
    text += f", reports {len(anomaly.ended)} end" if anomaly.ended else ""
    return text + "".join(f", names {other.name}" for other in anomaly.related)


def detector(configuration: Loaded) -> Detector:
    return Detector(rules(configuration.config), 0, Names)


def check(configuration: Loaded, found: Found, rows: list[Row]) -> None:
    """These rows declare what they say: the anomalies' types, triggers and words."""
    anomalies = configuration.config.guardian.anomalies
    expected = [(nanoseconds(row.at), row.declared) for row in rows if row.declared]
    assert [(one.trigger_ns, said(one)) for one in found.anomalies] == expected
    for one in found.anomalies:
        assert type(anomalies[one.name]).__name__ == one.anomaly


@pytest.mark.parametrize("title", EXAMPLES)
def test_each_record_of_an_example_declares_what_its_row_says(title: str, tmp_path: Path) -> None:
    made = example(title)
    configuration = loaded(tmp_path, made.yaml)
    assert configuration.warnings == ()
    detects = detector(configuration)
    for row, event in zip(made.rows, records(made), strict=True):
        check(configuration, detects.feed(event), [row])


@pytest.mark.parametrize("title", EXAMPLES)
def test_all_of_them_at_once_declare_the_same(title: str, tmp_path: Path) -> None:
    made = example(title)
    configuration = loaded(tmp_path, made.yaml)
    batch = np.concatenate(records(made))
    check(configuration, detector(configuration).feed(batch), made.rows)


def test_an_example_declares_something() -> None:
    for title in EXAMPLES:
        assert any(row.declared for row in example(title).rows), title


def test_the_table_of_patience_is_the_truth() -> None:
    _, patient, *_ = manual_text.blocks(EXAMPLES["COMMANDS THAT NEED PATIENCE"])
    _, *rows = manual_text.columns(patient)
    shown = {name: limits for name, *limits in rows}
    assert shown == {
        command.name: [limit(patience.threshold_ms), limit(patience.emergency_ms)]
        for command, patience in PATIENCE.items()
    }


def limit(limit_ms: float | None) -> str:
    return "not watched" if limit_ms is None else f"{limit_ms / 1000:g} s"


def test_every_connection_event_is_there() -> None:
    entries = manual_text.entries(EXAMPLES["CONNECTIONS"])
    assert list(entries) == [f"*{event.name.lower()}*" for event in ConnectionEvent]
