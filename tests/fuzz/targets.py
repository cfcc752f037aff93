"""The targets, how each is built and run, and what libFuzzer reports of it."""

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.sanitized.shim import CLANG, REPO, SANITIZE

HERE: Final = Path(__file__).resolve().parent
CORPUS: Final = HERE / "corpus"
BUILT: Final = REPO / "build" / "fuzz"
C_TARGETS: Final = {
    "drain": ("native/drain.c", "native/eventlog.c"),
    "head": ("native/counters.c", "native/eventlog.c", "native/inflight.c"),
}
"""Name (of a file here) -> the sources of the shim that it needs."""
PYTHON_TARGETS: Final = ("messages", "log_file", "files")
TARGETS: Final = (*C_TARGETS, *PYTHON_TARGETS)
MAX_BYTES: Final = 4096
LONGEST_INPUT_SEC: Final = 10
MAX_RSS_MB: Final = 1024


@dataclass(frozen=True)
class Result:
    """One run of a target."""

    name: str
    failed: bool
    seconds: float
    output: str

    def number(self, label: str) -> int:
        """The last number that libFuzzer printed behind this; 0 for none."""
        found = re.findall(rf"{label}: *(\d+)", self.output)
        return int(found[-1]) if found else 0

    @property
    def executions(self) -> int:
        return self.number("stat::number_of_executed_units")

    def line(self) -> str:
        """For a person."""
        return (
            f"{self.name:<10} {self.executions:>12,} executions in {self.seconds:>4.0f} s  "
            f"coverage {self.number('cov'):>5}  features {self.number('ft'):>6}  "
            f"{'FAILED' if self.failed else 'no finding'}"
        )


def build() -> None:
    """Build the targets of C.

    Raises:
        CalledProcessError: clang refuses.
    """
    BUILT.mkdir(parents=True, exist_ok=True)
    flags = [*SANITIZE, "-fsanitize=fuzzer", "-Iebpf", "-Inative", "-Wall", "-Wextra", "-Werror"]
    for name, sources in C_TARGETS.items():
        command = [CLANG, *flags, "-Wno-unused-parameter", str(HERE / f"{name}.c"), *sources]
        subprocess.run([*command, "-o", str(BUILT / name)], cwd=REPO, check=True)


def fuzz(name: str, *how_long: str, keep: bool = False) -> Result:
    """Run a target from its corpus on, until something is found or `how_long` (options) is over.

    With `keep`, what it learns stays in build/fuzz; a finding is written there, too.
    """
    program = [str(BUILT / name)]
    if name in PYTHON_TARGETS:
        program = [sys.executable, "-m", "tests.fuzz.drive", name]
    with tempfile.TemporaryDirectory() as scratch:
        learned = BUILT / f"corpus-{name}" if keep else Path(scratch)
        learned.mkdir(parents=True, exist_ok=True)
        options = (
            *how_long,
            f"-max_len={MAX_BYTES}",
            f"-timeout={LONGEST_INPUT_SEC}",
            f"-rss_limit_mb={MAX_RSS_MB}",
            f"-artifact_prefix={BUILT}/{name}-",
            "-print_final_stats=1",
        )
        command = [*program, *options, str(learned), str(CORPUS / name)]
        began = time.monotonic()
        ran = subprocess.run(
            command, cwd=REPO, check=False, capture_output=True, text=True, errors="replace"
        )
    output = ran.stdout + ran.stderr
    return Result(name, ran.returncode != 0, time.monotonic() - began, output)
