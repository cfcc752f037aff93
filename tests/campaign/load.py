"""python -m tests.campaign.load PIN_DIR PER_SECOND ANOMALIES_PER_SECOND SEED: the load's process.

It emits operations, numbered by their mids from 0, until its input ends, and then prints what
became of them. Now and then one of them is an emergency: an anomaly of its own.
"""

import random
import select
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
from msgspec import Struct

from aod.smb.commands import Command
from scripts.vm.tools import REPO
from tests.rig.configs import EMERGENCY_NS
from tests.rig.producer import Producer

CHUNK_SEC: Final = 0.001
FAST_NS: Final = 1000


class Emitted(Struct, frozen=True):
    """What the load did. Mids are consecutive, from 0."""

    total: int
    seconds: float
    shortfalls: tuple[tuple[int, int, int], ...]
    """(first mid, how many, of them how many were dropped) where the ring did not take all."""
    emergencies: tuple[int, ...]
    """Mids of those that the ring took."""

    @property
    def dropped(self) -> int:
        return sum(dropped for _, _, dropped in self.shortfalls)

    def plus(self, later: "Emitted") -> "Emitted":
        """Of two loads, one after the other; their mids begin at 0 each."""
        return Emitted(
            self.total + later.total,
            self.seconds + later.seconds,
            self.shortfalls + later.shortfalls,
            self.emergencies + later.emergencies,
        )


class Emitter:
    """The process's side."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self.total = 0
        self._shortfalls: list[tuple[int, int, int]] = []
        self._emergencies: list[int] = []

    def emit(self, number: int, latency_ns: int = FAST_NS) -> int:
        """So many more; how many the ring took."""
        first = self.total
        taken = self._producer.load(
            number, first_mid=first, latency_ns=latency_ns, command=Command.SMB2_CREATE
        )
        self.total += number
        if taken != number:
            self._shortfalls.append((first, number, number - taken))
        return taken

    def emergency(self) -> None:
        """An anomaly, if the ring takes it."""
        if self.emit(1, EMERGENCY_NS):
            self._emergencies.append(self.total - 1)

    def result(self, seconds: float) -> Emitted:
        return Emitted(self.total, seconds, tuple(self._shortfalls), tuple(self._emergencies))


class Load:
    """The load as the campaign sees it: a context manager, whose end gives the result."""

    def __init__(self, pin_dir: Path, per_second: int, anomalies_per_second: float, seed: int):
        arguments = map(str, (pin_dir, per_second, anomalies_per_second, seed))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.campaign.load", *arguments],
            cwd=REPO,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> Emitted:
        """End it; what it did."""
        printed, _ = self._process.communicate(timeout=60)
        assert self._process.returncode == 0, "the load failed"
        return msgspec.json.decode(printed, type=Emitted)


def _emit_at_pace(
    emitter: Emitter, per_second: int, anomalies_per_second: float, chance: random.Random
) -> float:
    """Until the input ends; a chunk a millisecond, slower only where the core is. Seconds."""
    chunk, start = max(1, round(per_second * CHUNK_SEC)), time.monotonic()
    emergency_at = start + chance.expovariate(anomalies_per_second)
    for number in count():
        now = time.monotonic()
        if now >= emergency_at:
            emitter.emergency()
            emergency_at = now + chance.expovariate(anomalies_per_second)
        ahead = start + number * CHUNK_SEC - now
        if ahead > 0 and _input_ended_within(ahead):
            break
        emitter.emit(chunk)
    return time.monotonic() - start


def _input_ended_within(seconds: float) -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(readable)


def main() -> None:
    pin_dir, per_second, anomalies_per_second, seed = sys.argv[1:]
    emitter = Emitter(Producer(Path(pin_dir)))
    seconds = _emit_at_pace(
        emitter, int(per_second), float(anomalies_per_second), random.Random(int(seed))
    )
    sys.stdout.write(msgspec.json.encode(emitter.result(seconds)).decode())


if __name__ == "__main__":
    main()
