"""What does not fit the schema: all of it at once.

Each mistake by itself is in test_config_places and test_config_mistakes.
"""

from pathlib import Path

import pytest

from aod.config import Config
from aod.config_explain import problems, to_path
from aod.config_file import ConfigError, load
from aod.yaml_lines import parse
from tests.unit.config_cases import LATENCY, MINIMAL, write


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "ring_mb: 0\naudit: {enabled: 3}\n" + LATENCY + "      mode: x\n      actions: [y]\n"
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    lines = [int(line.split(":")[1]) for line in str(caught.value).splitlines()]
    assert lines == [1, 2, 7, 8]


def test_what_is_right_has_no_problems() -> None:
    assert list(problems(parse(MINIMAL.encode()), Config)) == []


def test_a_folder_is_an_absolute_path() -> None:
    assert to_path(Path, "/var/log/aod/") == Path("/var/log/aod")
    for wrong in ("", "x", "/", "//", "/a/..", "/a\0", None, 5):
        with pytest.raises(ValueError, match="path"):
            to_path(Path, wrong)
