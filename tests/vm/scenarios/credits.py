"""A server that grants few credits: too few for one request, then enough for one at a time.

The client keeps two for echoes and lease breaks (fs/smb/client/smb2ops.c, change_conf). With what
is left it must pay three for a look at a file: where nothing is in flight that could bring credits
back it gives up at once, else it waits (transport.c, wait_for_compound_request).
"""

import re

from scripts.vm.guest import cifs
from scripts.vm.guest.counters import settled
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import LabError, command
from scripts.vm.guest.tracefs import traced
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import working

GUEST = "faults"
TOO_FEW = 4
ENOUGH_FOR_ONE = 5
WORKERS = 3
RATE = 5  # rounds per second of each
EVENTS = ("smb3_insufficient_credits", "smb3_credit_timeout", "smb3_reconnect")
_WAITERS = re.compile(r"In MaxReq Wait: (\d+)")


def run(lab: Lab) -> Facts:
    """Mount in vain; then mount, and let many wait for one another."""
    command("modprobe", "cifs")
    with lab.daemon() as daemon:
        daemon.wait_until_watching()
        settled()
        with traced(*EVENTS) as refused, lab.samba.configured(_credits(TOO_FEW)):
            refusal = _refusal(lab)
        with traced(*EVENTS) as waited, lab.samba.configured(_credits(ENOUGH_FOR_ONE)):
            waiters, tally = _work_in_turns(lab)
        return {
            "refusal": refusal,
            "refused": refused.counts(),
            "waiters": waiters,
            "tally": tally,
            "waited": waited.counts(),
            "exit_status": lab.stop(daemon),
        }


def _credits(limit: int) -> dict[str, str]:
    return {"smb2 max credits": str(limit)}


def _refusal(lab: Lab) -> str:
    """What the client answers to a mount."""
    try:
        with lab.mounted():
            return ""
    except LabError as error:
        return str(error)


def _work_in_turns(lab: Lab) -> tuple[int, Facts]:
    """How many were seen waiting for credits at a time, and what all got done."""
    with (
        lab.mounted(cifs.UNCACHED) as folder,
        working(folder, workers=WORKERS, rounds_per_s=RATE) as tally,
    ):
        waiters = wait_until(_waiters, "more than one to wait for credits", 20)
    return waiters, dict(tally)


def _waiters() -> int:
    """How many wait, once that is more than one."""
    found = sum(map(int, _WAITERS.findall(cifs.DEBUG_DATA.read_text())))
    return found if found > 1 else 0
