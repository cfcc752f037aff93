"""What a reload comes to."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from aod.config.load import ConfigError
from aod.config.reload import FIXED, differences, merged, read
from aod.config.schema import Capture, Config, Guardian
from aod.detectors.api import Settings
from aod.detectors.error import Error
from aod.detectors.latency import Latency

OLD = Config(guardian=Guardian(anomalies={"slow": Latency()}))


def test_the_same_file_changes_nothing() -> None:
    found = merged(OLD, OLD)
    assert (found.config, found.changed, found.kept) == (OLD, {}, ())


def test_what_changed_is_named_with_both_values() -> None:
    new = replace(
        OLD,
        guardian=Guardian(anomalies={"slow": Latency(acceptable_count=3), "bad": Error()}),
        capture=Capture(post_sec=1),
    )
    changed = merged(OLD, new).changed
    assert changed["guardian.anomalies.slow.acceptable_count"] == "10 -> 3"
    assert changed["capture.post_sec"] == "5 -> 1"
    assert changed["guardian.anomalies.bad.type"] == '- -> "Error"'
    assert {key.rpartition(".")[0] for key in changed} == {
        "guardian.anomalies.slow",
        "capture",
        "guardian.anomalies.bad",
    }


@pytest.mark.parametrize("key", FIXED)
def test_what_is_made_once_stays(key: str) -> None:
    value = getattr(OLD, key)
    other: object = value * 2 if isinstance(value, int) else type(value)(f"{value}x")
    found = merged(OLD, replace(OLD, watch_interval_sec=9, **{key: other}))
    assert found.kept == (key,)
    assert found.config == replace(OLD, watch_interval_sec=9)
    assert list(found.changed) == ["watch_interval_sec"]


@given(st.sets(st.sampled_from(FIXED)))
def test_all_of_them_are_named(keys: set[str]) -> None:
    others = {key: type(getattr(OLD, key))(f"{getattr(OLD, key)}1") for key in keys}
    found = merged(OLD, replace(OLD, **others))
    assert (set(found.kept), found.config) == (keys, OLD)


def test_every_fixed_key_is_one() -> None:
    assert set(FIXED) <= {one.name for one in fields(Config)}


def test_very_many_differences_are_told_in_part() -> None:
    many: dict[str, Settings] = {f"slow{number:03}": Latency() for number in range(300)}
    found = differences(OLD, replace(OLD, guardian=Guardian(anomalies=many)))
    assert len(found) == 101
    assert found["..."].endswith(" more")
    assert len(msgspec.json.encode(found)) < 100_000


def test_file_with_a_fault_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "aod.yaml"
    path.write_text("guardian:\n  anomalies:\n    slow: {type: Latenzy}\n")
    with pytest.raises(ConfigError, match=f"{path}:3: "):
        read(path, OLD)


def test_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "aod.yaml", OLD)
