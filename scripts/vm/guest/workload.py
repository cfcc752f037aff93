"""Work with files as programs do it, in rounds that are all alike: the same requests every time.

One round makes a file, writes it, reads it, asks for its attributes, renames it, lists the folder
and deletes the file. How much of that the client answers from its caches is decided by the mount's
options: with `cache=none,actimeo=0` every step is at least one request.
"""

import errno
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

STEPS = ("create", "write", "read", "stat", "rename", "list", "delete")

# Rounds in a second of one worker in the background: busy, but not all that the processor can do.
DEFAULT_RATE = 20.0

# Called before each round with the number of rounds done; whether to do one more.
KeepGoing = Callable[[int], bool]


def rounds(count: int) -> KeepGoing:
    """Work for a number of rounds."""
    return lambda done: done < count


def seconds(duration_s: float) -> KeepGoing:
    """Begin rounds for a time."""
    end = time.monotonic() + duration_s
    return lambda _done: time.monotonic() < end


def at_rate(rounds_per_s: float, keep_going: KeepGoing) -> KeepGoing:
    """Begin no more rounds in a second than this, as users do, who also think."""
    start = time.monotonic()

    def go_on(done: int) -> bool:
        time.sleep(max(0.0, start + done / rounds_per_s - time.monotonic()))
        return keep_going(done)

    return go_on


def work(
    folder: Path, keep_going: KeepGoing, *, size: int = 4096, prefix: str = "file"
) -> Counter[str]:
    """Do rounds in `folder` with files of `size` bytes; count what succeeded and what did not.

    The keys are `rounds`, the STEPS that succeeded, and the names of the errors that were met
    (EACCES). A round ends with its first error.
    """
    tally: Counter[str] = Counter()
    while keep_going(tally["rounds"]):
        try:
            _do_round(folder / f"{prefix}-{tally['rounds']:06}", tally, size)
        except OSError as error:
            tally[errno.errorcode.get(error.errno or 0, "unknown")] += 1
        tally["rounds"] += 1
    return tally


@contextmanager
def working(
    folder: Path, *, rounds_per_s: float = DEFAULT_RATE, size: int = 4096, workers: int = 1
) -> Iterator[Counter[str]]:
    """Work in the background with several workers; the tally is complete when the block is left."""
    stop = threading.Event()
    total: Counter[str] = Counter()
    go_on = at_rate(rounds_per_s, lambda _done: not stop.is_set())

    with ThreadPoolExecutor(workers, thread_name_prefix="workload") as pool:
        jobs = [
            pool.submit(work, folder, go_on, size=size, prefix=f"file-{number}")
            for number in range(workers)
        ]
        try:
            yield total
        finally:
            stop.set()
    for job in jobs:
        total.update(job.result())


def _do_round(path: Path, tally: Counter[str], size: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    tally["create"] += 1
    try:
        _write(descriptor, tally, size)
        path = _use(path, tally)
        list(path.parent.iterdir())
        tally["list"] += 1
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise
    path.unlink()
    tally["delete"] += 1


def _write(descriptor: int, tally: Counter[str], size: int) -> None:
    """fsync: a write that stays in the client's cache sends nothing and reports no error."""
    try:
        os.write(descriptor, bytes(size))
        os.fsync(descriptor)
        tally["write"] += 1
    finally:
        os.close(descriptor)


def _use(path: Path, tally: Counter[str]) -> Path:
    """Read the file, look at it, and give it another name, which is returned."""
    path.read_bytes()
    tally["read"] += 1
    path.stat()
    tally["stat"] += 1
    renamed = path.rename(path.with_suffix(".renamed"))
    tally["rename"] += 1
    return renamed
