"""A mistake in a configuration, where it must be found, and the words that must say so."""

from pathlib import Path
from typing import NamedTuple

import pytest

from aod.config.load import ConfigError, Loaded, load

MINIMAL = "guardian: {anomalies: {slow: {type: Latency}}}\n"
LATENCY = """\
guardian:
  anomalies:
    slow:
      type: Latency
"""
"""Four lines; what follows at six blanks belongs to the anomaly."""
ERROR = LATENCY.replace("Latency", "Error").replace("slow", "failed")


class Mistake(NamedTuple):
    """`text` is a whole file; `words` must all stand in the message for `line`."""

    text: str | bytes
    line: int
    words: tuple[str, ...]


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "aod.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def loaded(folder: Path, text: str) -> Loaded:
    return load(write(folder, text))


def check(folder: Path, mistake: Mistake) -> None:
    """The mistake is refused: one line of the message names file and line, and has the words."""
    path = write(folder, mistake.text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}:") for line in lines), lines
    here = [line for line in lines if line.startswith(f"{path}:{mistake.line}: ")]
    assert any(all(word in line for word in mistake.words) for line in here), lines
