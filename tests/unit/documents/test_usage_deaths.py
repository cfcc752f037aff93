"""What a death costs, as aod-supervisor(8) says: a process that writes all that outlives processes
is killed in the middle, again and again, and its successor looks at what is there.

What only a kernel, a capture or a whole daemon has is killed in tests/kernel and tests/campaign.
"""

import logging
import mmap
import multiprocessing
import random
import shutil
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from aod._native import ffi, lib
from aod.audit.entries import Deleted, decode
from aod.audit.log import AuditLog
from aod.config.schema import Config
from aod.state import counters, spool
from aod.state.counters import CounterRing
from aod.state.ledger import Kind, Ledger
from aod.state.names import AUDIT_FILE
from aod.transport.eventlog import HEADER_DTYPE, EventLog
from aod.transport.position import Evaluated, ReadPosition
from tests.rig.configs import config
from tests.rig.stage import spool_of
from tests.unit.documents import manual_text
from tests.unit.records import numbered
from tests.unit.samples import anomaly

LOG: Final = logging.getLogger("test")
KILLS: Final = 12
PER_STEP: Final = 100
"""Records that are committed at once."""
STEPS_KEPT: Final = 100
"""So many steps the event log holds at least."""
FIRST: Final = 1_795_362_892_272_075_703
"""The timestamp of the first anomaly."""
DEATHS: Final = {
    "Event log, and detect's position in it": [
        "collect or detect killed",
        "supervisor killed",
        "clean shutdown",
        "reboot, power loss",
        "start of another build",
    ],
    "Anomalies without a bundle (the spool)": [
        "detect killed",
        "capture killed",
        "supervisor killed, reboot, power loss, start of another build",
        "clean shutdown",
    ],
    "Counters of the last minute": [
        "collect killed",
        "supervisor killed",
        "clean shutdown",
        "reboot, power loss",
        "start of another build",
    ],
    "Audit log, sealed bundles": ["capture killed", "supervisor killed", "reboot, power loss"],
}
"""Of the page's paragraphs those that are held here."""


class Writer:
    """All that outlives a process, written step by step; `steps` are surely complete."""

    def __init__(self, made: Config) -> None:
        self._config = made
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        self._steps = np.frombuffer(self._page, np.uint64, 1)
        self._process: BaseProcess | None = None

    @property
    def steps(self) -> int:
        return int(self._steps[0])

    def killed_in_the_middle(self, steps: int) -> None:
        """Begin where the last one ended, and die some time after so many steps."""
        fork: Any = multiprocessing.get_context("fork")
        until = self.steps + steps
        process = fork.Process(target=self._run)
        process.start()
        while self.steps < until and process.is_alive():
            time.sleep(0.0002)
        time.sleep(random.random() / 500)  # a step takes about as long
        assert process.is_alive()
        process.kill()
        process.join()

    def _run(self) -> None:
        made = self._config
        log = EventLog.writer(made.runtime_dir, 1)
        position = ReadPosition.open(made.runtime_dir)
        spool.prepare(spool_of(made))
        ledger = Ledger(made.runtime_dir, spool_of(made), LOG)
        ring = CounterRing(made.runtime_dir, history_sec=60)
        audited = AuditLog(made, LOG)
        for step in range(self.steps, 1 << 30):
            self._append(log, (step + 1) * PER_STEP)
            position.commit(Evaluated(log.position, step, step, step, step))
            spool.write(spool_of(made), anomaly(timestamp=FIRST + step))
            if step:
                spool.remove(spool_of(made) / f"{FIRST + step - STEPS_KEPT}.json")
            ledger.enter(FIRST + step, Kind.SEEN)
            ring.add(header(step))
            audited.write(Deleted(bundle="", size_bytes=step, reason=""))
            self._steps[0] = step + 1

    @staticmethod
    def _append(log: EventLog, until: int) -> None:
        """Continue with what is committed: a dead writer may have come as far as that."""
        more = numbered(log.position, until - log.position)
        source = ffi.from_buffer("struct aod_event *", more.data)
        assert lib.aod_log_append(log.c_header, 1 << 62, source, len(more)) == len(more)


def header(step: int) -> Any:
    """What collect keeps of the kernel's counters."""
    head = np.zeros((), HEADER_DTYPE)
    head["stats_ns"], head["ring_id"] = time.monotonic_ns(), 7
    head["stats"]["started"][9] = step
    return head


@pytest.fixture
def made(tmp_path: Path) -> Config:
    return config(tmp_path)


# What a successor finds


def event_log_is_whole(made: Config, steps: int) -> None:
    log = EventLog.reader(made.runtime_dir)
    assert log.position in {steps * PER_STEP, (steps + 1) * PER_STEP}
    kept = log.copy(log.oldest, log.position)
    assert len(kept) >= min(log.position, STEPS_KEPT * PER_STEP)
    assert (kept["mid"] == np.arange(log.position - len(kept), log.position, dtype="u8")).all()


def position_is_whole(made: Config, steps: int) -> None:
    found = ReadPosition.reader(made.runtime_dir).get()
    step = found.declared
    assert step in {steps - 1, steps}
    assert found == Evaluated((step + 1) * PER_STEP, step, step, step, step)


def spool_is_whole(made: Config, steps: int) -> None:
    """Of the last steps each anomaly is there and can be read, and perhaps one more."""
    found = [spool.read(path).timestamp - FIRST for path in spool.pending(spool_of(made))]
    expected = list(range(max(0, steps - STEPS_KEPT), steps))
    assert [step for step in found if step in expected] == expected
    assert all(steps - STEPS_KEPT - 1 <= step <= steps for step in found)


def ledger_knows_each_once(made: Config, steps: int) -> None:
    ledger = Ledger(made.runtime_dir, spool_of(made), LOG)
    assert sum(ledger.state.counts.values()) in {steps, steps + 1}
    assert {FIRST + step for step in range(steps)} <= set(ledger.state.origins)


def counters_are_whole(made: Config, steps: int) -> None:
    """A slot that was being written is passed over: it was the oldest."""
    found = counters.read(made.runtime_dir)
    newest = int(found["stats"]["started"][-1, 9])
    assert newest in {steps - 1, steps}
    assert (np.diff(found["taken_ns"].astype(np.int64)) > 0).all()


def audit_log_is_whole(made: Config, steps: int) -> None:
    """A step that was all but complete is done, and so written, twice."""
    lines = (made.aod_output_dir / AUDIT_FILE).read_bytes().splitlines()
    sizes = [one.size_bytes for one in map(decode, lines) if isinstance(one, Deleted)]
    sizes = list(dict.fromkeys(sizes))
    assert sizes[:steps] == list(range(steps))
    assert sizes[steps:] in ([], [steps])


CHECKS: Final[tuple[Callable[[Config, int], None], ...]] = (
    event_log_is_whole,
    position_is_whole,
    spool_is_whole,
    ledger_knows_each_once,
    counters_are_whole,
    audit_log_is_whole,
)


def test_what_a_kill_leaves_is_whole_and_a_successor_goes_on(made: Config) -> None:
    writer = Writer(made)
    for kill in range(KILLS):
        writer.killed_in_the_middle(random.randrange(3, 12))
        assert writer.steps > 2 * kill
        for check in CHECKS:
            check(made, writer.steps)


def test_a_reboot_takes_what_is_in_memory_and_nothing_else(made: Config) -> None:
    """/run is empty then: the log and the counters begin anew, the spool's anomalies are known."""
    writer = Writer(made)
    writer.killed_in_the_middle(20)
    shutil.rmtree(made.runtime_dir)
    made.runtime_dir.mkdir()
    spool_is_whole(made, writer.steps)
    audit_log_is_whole(made, writer.steps)
    assert EventLog.writer(made.runtime_dir, 1).position == 0
    assert ReadPosition.open(made.runtime_dir).get() == Evaluated()
    left = len(spool.pending(spool_of(made)))
    assert Ledger(made.runtime_dir, spool_of(made), LOG).state.counts == {Kind.CARRIED: left}
    CounterRing(made.runtime_dir, history_sec=60).close()
    assert len(counters.read(made.runtime_dir)) == 0


def test_the_page_lists_these_deaths() -> None:
    text = manual_text.sections("aod-supervisor.8")["WHAT A DEATH COSTS"]
    paragraphs = manual_text.subsections(text)
    assert len(paragraphs) == 9
    for title, deaths in DEATHS.items():
        assert manual_text.items(paragraphs[title]) == deaths
