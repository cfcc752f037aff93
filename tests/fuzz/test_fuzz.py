"""Each target: its corpus again, and a little further; a mistake that is planted is found."""

from pathlib import Path
from typing import Final

import pytest

from tests.fuzz import targets
from tests.fuzz.targets import CORPUS, TARGETS, Result, build, fuzz
from tests.sanitized.shim import REPO

RUNS: Final = 20_000
HOW_LONG: Final = (f"-runs={RUNS}", "-seed=1")
MOST_FILES: Final = 100
MOST_BYTES: Final = 1024


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    build()


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found(name: str) -> None:
    result = fuzz(name, *HOW_LONG)
    assert not result.failed, result.output
    assert result.executions >= RUNS
    assert result.number("cov")


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_is_small(name: str) -> None:
    sizes = [path.stat().st_size for path in (CORPUS / name).iterdir()]
    assert 0 < len(sizes) <= MOST_FILES
    assert max(sizes) <= MOST_BYTES


WITHOUT_THE_CHECK: Final = ("entry.bytes > produced - consumed", "0")


def test_a_drain_that_believes_the_ring_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (REPO / "native" / "drain.c").read_text()
    assert WITHOUT_THE_CHECK[0] in source
    (tmp_path / "drain.c").write_text(source.replace(*WITHOUT_THE_CHECK))
    monkeypatch.setattr(targets, "BUILT", tmp_path)
    monkeypatch.setattr(
        targets, "C_TARGETS", {"drain": (str(tmp_path / "drain.c"), "native/eventlog.c")}
    )
    build()
    result = fuzz("drain", *HOW_LONG)
    assert result.failed, result.output


PRINTED: Final = """#9	INITED cov: 5 ft: 6
#10	DONE   cov: 56 ft: 133 corp: 1/1b
stat::number_of_executed_units: 10
"""


def test_what_libfuzzer_prints_is_read() -> None:
    words = Result("drain", False, 1.0, PRINTED).line().split()
    assert words[:2] == ["drain", "10"]
    assert " ".join(words[-6:]) == "coverage 56 features 133 no finding"


def test_a_finding_fails_make_fuzz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "BUILT", tmp_path)
    (tmp_path / "drain").write_text("#!/bin/sh\necho crash >&2\nexit 77\n")
    (tmp_path / "drain").chmod(0o755)
    result = fuzz("drain", *HOW_LONG)
    assert (result.failed, result.output) == (True, "crash\n")
    assert "FAILED" in result.line()
