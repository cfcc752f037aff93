"""A server with credits for one request at a time hangs for longer than others wait for theirs."""

import errno
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.vm.guest import cifs
from scripts.vm.guest.counters import settled
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.shares import FIRST
from scripts.vm.guest.tracefs import traced
from scripts.vm.guest.wait import wait_until
from tests.vm.scenarios.credits import ENOUGH_FOR_ONE, EVENTS

GUEST = "faults"
PROGRAMS = 8
# fs/smb/client/transport.c, wait_for_compound_request: this long a request waits for credits.
GIVES_UP_AFTER_S = 60
PAUSE_S = GIVES_UP_AFTER_S + 3
TIMEOUT_S = 180


def run(lab: Lab) -> Facts:
    """Let each program look at a file of its own while the server hangs."""
    paths = [FIRST.path / f"file-{number}" for number in range(PROGRAMS)]
    for path in paths:
        path.touch()
    with (
        lab.samba.configured({"smb2 max credits": str(ENOUGH_FOR_ONE)}),
        lab.mounted(cifs.UNCACHED) as folder,
        lab.daemon() as daemon,
    ):
        daemon.wait_until_watching()
        settled()
        with traced(*EVENTS) as trace:
            outcomes = _ask_all(lab, [folder / path.name for path in paths])
        return {
            "outcomes": outcomes,
            "traced": trace.counts(),
            "exit_status": lab.stop(daemon),
        }


def _ask_all(lab: Lab, paths: list[Path]) -> Counter[str]:
    """How asking ended, for all of them: the first one's request hangs, the others wait behind."""
    with ThreadPoolExecutor(len(paths), thread_name_prefix="ask") as pool, lab.samba.paused():
        first = pool.submit(_ask, paths[0])
        wait_until(cifs.pending, "the first one's request", 10)
        others = [pool.submit(_ask, path) for path in paths[1:]]
        time.sleep(PAUSE_S)  # how long the server hangs is the scenario
        lab.samba.resume()
        return Counter(job.result() for job in [first, *others])


def _ask(path: Path) -> str:
    try:
        path.stat()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "answered"
