"""A type whose code fails is a fault of the configuration, with its line."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from aod.config.schema import Config, Guardian, Recorder
from aod.config.validate import doubts, faults
from aod.config.yaml_lines import parse
from aod.detectors import Events, Finding, Frame, Knobs, Mask, Rule, Settings, list_faults
from aod.detectors.latency import Latency
from aod.detectors.lists import COMMANDS

DOCUMENT = parse(b"guardian:\n  anomalies:\n    mine:\n      type: Mine\n      names: [a]\n")


class Mine(Settings, frozen=True):
    """As a stranger may write it; a test breaks one thing."""

    names: tuple[str, ...] = ()

    def rule(self, frame: Frame) -> Rule:
        return MyRule(frame)


class MyRule(Rule):
    def matches(self, events: Events) -> Mask:
        found: Mask = events["pid"] > 0
        return found


def config(**changes: Any) -> Config:
    return Config(guardian=Guardian(anomalies={"mine": Mine(names=("a",))}), **changes)


def problems() -> list[tuple[int, str]]:
    return [(line, text) for line, text in faults(config(), DOCUMENT)]


def broken(*_: Any) -> Any:
    raise KeyError("some\nkey")


def test_what_works_has_no_faults() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("owner", "method"),
    [
        (Mine, "rule"),
        (Mine, "faults"),
        (Mine, "thresholds_ms"),
        *((MyRule, name) for name in ("matches", "emergencies", "grounds", "knobs", "described")),
    ],
)
def test_code_that_fails_is_a_fault_of_the_section(
    monkeypatch: pytest.MonkeyPatch, owner: type, method: str
) -> None:
    monkeypatch.setattr(owner, method, broken)
    said = r"cannot be used: the code of its type fails: KeyError: 'some\nkey'"
    assert problems() == [(3, f"guardian.anomalies.mine {said}")]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            lambda events: [True] * len(events),
            "matches must return an array of bool of shape (0,), not list",
        ),
        (lambda events: events["pid"], "not of uint32 and shape (0,)"),
        (lambda events: np.ones(3, np.bool_), "not of bool and shape (3,)"),
        (lambda events: np.ones((len(events), 2), np.bool_), "not of bool and shape (0, 2)"),
        (lambda events: np.True_, "not bool"),
        (lambda events: None, "not NoneType"),
    ],
)
def test_a_mask_is_an_array_with_a_place_for_each_record(
    monkeypatch: pytest.MonkeyPatch, answer: Any, said: str
) -> None:
    monkeypatch.setattr(MyRule, "matches", lambda _, events: answer(events))
    ((line, text),) = problems()
    assert line == 3
    assert said in text


def test_every_kind_of_record_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_for_normal(_: MyRule, events: Events) -> Mask:
        if (events["command"] == 20).any():
            raise ValueError("a reconnect")
        return events["pid"] > 0

    monkeypatch.setattr(MyRule, "matches", only_for_normal)
    ((_, text),) = problems()
    assert text.endswith("ValueError: a reconnect")


def test_knobs_of_another_shape_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    knobs = Knobs(threshold_ns=np.zeros(3, np.uint64))
    monkeypatch.setattr(MyRule, "knobs", lambda _: knobs)
    ((_, text),) = problems()
    assert "ValueError" in text


def test_a_fault_of_the_settings_is_told_instead_of_what_the_rule_makes_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found(mine: Mine) -> Iterator[Finding]:
        yield from list_faults(COMMANDS, "names", mine.names)

    monkeypatch.setattr(Mine, "faults", found)
    monkeypatch.setattr(Mine, "rule", broken)
    ((line, text),) = problems()
    assert line == 5
    assert text.startswith("guardian.anomalies.mine.names[0] is a, an unknown command; ")


def test_doubts_that_fail_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mine, "doubts", broken)
    ((line, text),) = doubts(config(), DOCUMENT)
    assert (line, "KeyError" in text) == (3, True)


def test_who_asks_the_kernel_for_nothing_needs_the_full_record() -> None:
    assert list(doubts(config(), DOCUMENT)) == []
    ((line, text),) = doubts(config(recorder=Recorder.MATCHING), DOCUMENT)
    assert line == 3
    assert text.startswith("guardian.anomalies.mine may never match: its type asks the kernel for")
    ours = Config(guardian=Guardian(anomalies={"slow": Latency()}), recorder=Recorder.MATCHING)
    assert list(doubts(ours, DOCUMENT)) == []
