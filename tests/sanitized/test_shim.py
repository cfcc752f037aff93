"""The tests that exercise the shim, with every access to memory checked."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.sanitized.shim import REPO, build, compile_shared, environment

TESTS: Final = (
    "tests/kernel/test_collect.py",
    "tests/kernel/test_connection.py",
    "tests/kernel/test_drain.py",
    "tests/kernel/test_names.py",
    "tests/kernel/test_operation.py",
    "tests/kernel/test_own.py",
    "tests/kernel/test_record.py",
    "tests/kernel/test_unanswered.py",
    "tests/unit/test_event.py",
    "tests/unit/transport/test_eventlog.py",
    "tests/unit/transport/test_eventlog_ring.py",
)
MISTAKES: Final = """
#include <limits.h>
#include <stdlib.h>
int overflow(int at) { char *memory = malloc(8); int read = memory[at]; free(memory); return read; }
int sum(int one) { return INT_MAX + one; }
"""
CALL: Final = "import ctypes, sys; ctypes.CDLL(sys.argv[1])[sys.argv[2]](int(sys.argv[3]))"


@pytest.fixture(scope="module")
def shim() -> Path:
    return build()


def python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=REPO, env=environment(), check=False, capture_output=True, text=True
    )


def test_it_is_the_sanitized_shim_that_is_loaded(shim: Path) -> None:
    printed = python("-c", "import aod._native; print(aod._native.__file__)")
    assert (printed.stdout.strip(), printed.stderr) == (str(shim), "")


@pytest.mark.parametrize(
    ("function", "argument", "report"),
    [
        ("overflow", "8", "heap-buffer-overflow"),
        ("sum", "1", "runtime error: signed integer overflow"),
        ("overflow", "7", ""),
        ("sum", "0", ""),
    ],
)
def test_a_mistake_in_c_is_reported(
    tmp_path: Path, function: str, argument: str, report: str
) -> None:
    source = tmp_path / "mistakes.c"
    source.write_text(MISTAKES)
    made = compile_shared(tmp_path / "mistakes.so", [str(source)])
    ran = python("-c", CALL, str(made), function, argument)
    assert report in ran.stderr
    assert bool(ran.returncode) == bool(report)


@pytest.mark.timeout(1200)  # a hundred tests, which take several times as long as without ASan
def test_the_tests_of_the_shim_pass(shim: Path) -> None:
    ran = python("-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS)
    assert ran.returncode == 0, ran.stdout + ran.stderr
