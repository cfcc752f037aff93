"""Thousands of broken files: each loads, or is refused in words with a line; nothing else."""

import os
import random
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aod.config.load import ConfigError, load
from tests.unit.config.cases import write
from tests.unit.config.mutations import broken
from tests.unit.config.seeds import SEEDS
from tests.unit.config.yaml_text import ANOMALIES, block, flow, places

RUNS = int(os.environ.get("AOD_FUZZ_RUNS", "20000"))
SEED = int(os.environ.get("AOD_FUZZ_SEED", "1"))


@pytest.fixture
def path() -> Iterator[Path]:
    """A file in memory: thousands are written."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder) / "aod.yaml"


def outcome(path: Path, raw: bytes) -> str:
    """`loads` or `refused`; the refusal has the form that users know."""
    path.write_bytes(raw)
    try:
        load(path)
    except ConfigError as error:
        last = raw.count(b"\n") + raw.count(b"\r") + raw.count("\x85".encode()) + 1
        for line in str(error).split("\n"):
            said = re.fullmatch(rf"{re.escape(str(path))}:(\d+): (\S.*)", line)
            assert said, line
            assert said[2].isprintable(), line
            assert 1 <= int(said[1]) <= last + raw.count("\u2028".encode()), line
        return "refused"
    return "loads"


def test_no_mutation_raises_anything_but_the_configuration_error(path: Path) -> None:
    rng = random.Random(SEED)
    outcomes = {"loads": 0, "refused": 0}
    for number in range(RUNS):
        raw = broken(rng)
        try:
            outcomes[outcome(path, raw)] += 1
        except Exception as error:
            raise AssertionError(f"AOD_FUZZ_SEED={SEED}, number {number}: {raw!r}") from error
    assert min(outcomes.values()) > RUNS // 50, outcomes


def test_no_bytes_raise_anything_but_the_configuration_error(path: Path) -> None:
    rng = random.Random(SEED)
    for _ in range(300):
        raw = rng.randbytes(rng.randint(1, 60))
        assert outcome(path, raw) == "refused", raw


def test_the_seeds_are_right_and_use_every_key(tmp_path: Path) -> None:
    used: set[str] = set()
    for data in SEEDS:
        for style in (block, flow):
            assert load(write(tmp_path, style(data))).config == load(tmp_path / "aod.yaml").config
        used |= {re.sub(r"\W+", "", line.split(":")[0]) for line in block(data).splitlines()}
    keys = {
        place.where[-1]
        for place in places()
        if place.where and not (place.where[:2] == ANOMALIES and len(place.where) == 3)
    }
    assert keys - used == {0}, "these belong into a seed, too (config_seeds.py)"
