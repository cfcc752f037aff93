"""A threshold on a comparison makes as many anomalies as a configuration with it alone would."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.config.load import load_text
from aod.config.rules import rules
from aod.detectors.detector import Detector
from aod.replay.thresholds import Comparison, plain
from aod.smb.commands import Command
from aod.smb.peers import Names
from tests.unit.replay.replaying import TEXT, counting, operations

ALONE = """
guardian:
  anomalies:
    slow: {{type: Latency, acceptable_count: 2, cooldown_sec: 10, mode: trackonly,
      emergency_threshold_ms: null, track_commands: [{{command: SMB2_READ, threshold: {}}}]}}
"""
THRESHOLDS_MS = (10.0, 20.0, 20.5, 100.0)


@given(
    st.lists(st.sampled_from([5.0, 10.0, 15.0, 20.1, 50.0, 5000.0]), max_size=60),
    st.sampled_from([1, 400, 2000]),
    st.integers(1, 4),
)
def test_steps_agree_with_a_configuration_of_their_own(
    latencies_ms: list[float], apart_ms: int, cuts: int
) -> None:
    events = operations(Command.SMB2_READ, latencies_ms, apart_ms=apart_ms)
    comparison = Comparison(counting(), Command.SMB2_READ, THRESHOLDS_MS)
    for part in np.array_split(events, cuts):
        comparison.feed(part)
    expected = {}
    for ms in THRESHOLDS_MS:
        config = load_text(ALONE.format(ms).encode(), Path("aod.yaml")).config
        expected[plain(ms)] = len(Detector(rules(config), 0, Names).feed(events).anomalies)
    assert comparison.anomalies() == expected


def test_other_commands_and_emergencies_do_not_count() -> None:
    comparison = Comparison(counting(), Command.SMB2_READ, (10.0,))
    comparison.feed(operations(Command.SMB2_FLUSH, [5000] * 10))
    comparison.feed(operations(Command.SMB2_READ, [5000, 5000], at_sec=20))
    assert comparison.anomalies() == {"10": 0}


def test_anomaly_that_excludes_the_command_lends_its_counting_all_the_same() -> None:
    excluding = TEXT + "      mode: excludeonly\n      exclude_commands: [SMB2_READ]\n"
    comparison = Comparison(counting(excluding), Command.SMB2_READ, (10.0,))
    comparison.feed(operations(Command.SMB2_READ, [50] * 3))
    assert comparison.anomalies() == {"10": 1}


@pytest.mark.parametrize(
    ("ms", "text"), [(20.0, "20"), (0.5, "0.5"), (1e6, "1000000"), (86_400_000, "86400000")]
)
def test_thresholds_have_all_their_digits(ms: float, text: str) -> None:
    assert plain(ms) == text
