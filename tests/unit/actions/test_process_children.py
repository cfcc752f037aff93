"""Who is told of the children, and when."""

import asyncio
import os
import sys

from aod.actions import process
from aod.actions.job import Children, Job
from tests.unit.samples import CONFIG

PLENTY_SEC = 30.0


def test_every_change_is_told_with_all_that_run() -> None:
    told: list[tuple[int, ...]] = []
    children = Children(told.append)
    with children.running(7):
        with children.running(8):
            pass
        with children.running(9):
            pass
    assert told == [(7,), (7, 8), (7,), (7, 9), (7,), ()]


def test_a_child_is_told_while_it_runs_under_its_own_pid() -> None:
    told: list[tuple[int, ...]] = []
    output = bytearray()
    print_pid = (sys.executable, "-S", "-c", "import os; print(os.getpid())")

    async def run() -> process.Ended:
        job = Job(CONFIG, Children(told.append))
        return await process.run(print_pid, output.extend, PLENTY_SEC, job)

    assert asyncio.run(run()).exit_status == 0
    assert told == [(int(output),), ()]
    assert int(output) != os.getpid()


def test_a_child_that_is_killed_is_no_longer_told() -> None:
    told: list[tuple[int, ...]] = []

    async def run() -> process.Ended:
        job = Job(CONFIG, Children(told.append))
        return await process.run(("sleep", "60"), lambda _: None, 0.1, job)

    assert asyncio.run(run()).timed_out
    assert [len(pids) for pids in told] == [1, 0]
