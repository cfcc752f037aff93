"""What does not fit the schema: all of it at once.

Each mistake by itself is in test_config_places and test_config_mistakes.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import pytest
from msgspec import Meta, field

from aod.config.explain import problems, to_path
from aod.config.load import ConfigError, load
from aod.config.schema import Config
from aod.config.yaml_lines import parse
from aod.settings import Section
from tests.unit.config.cases import LATENCY, MINIMAL, write


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


class Foreign(Section, frozen=True):
    """A section as another package may have it."""

    names: list[str] = field(default_factory=list)
    few: tuple[int, ...] | None = None
    limits: dict[str, float] = field(default_factory=dict)
    count: int = 5
    share: Annotated[float, Meta(ge=0, lt=1)] = 0.5
    least: Annotated[int, Meta(ge=3)] = 3
    comm: Annotated[str, Meta(min_length=1, max_length=15)] = "cp"
    age: timedelta = timedelta(0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("names: cp", "names is the text 'cp'; allowed: a list, each line beginning with '- ', or"),
        ("names: [5]", "names[0] is 5; allowed: text"),
        ("few: [1, x]", "few is a list; allowed: a list, each line beginning with '- ', or [] for"),
        ("limits: {a: x}", "limits.a is the text 'x'; a number stands without quotes and without"),
        ("limits: [a]", "limits is a list; allowed: a section"),
        ("count: many", "allowed: a whole number"),
        ("share: 1", "share is 1; allowed: a number at least 0, below 1"),
        ("least: 2", "least is 2; allowed: a whole number at least 3"),
        ("comm: sixteen letters ", ""),
        ("comm: more than fifteen", "allowed: text of 1 to 15 letters"),
        ("comm: ''", "comm is an empty text; allowed: text of 1 to 15 letters"),
        # What nobody here can judge is right as far as this goes; msgspec has its own words for it.
        ("age: PT5S", ""),
        ("{names: [a], few: [1], limits: {a: 1.5}, count: -7, age: nonsense}", ""),
    ],
)
def test_what_other_packages_ask_for_is_explained_too(text: str, said: str) -> None:
    found = [problem.text for problem in problems(parse(text.encode()), Foreign)]
    assert len(found) == bool(said)
    assert not said or said in found[0]
