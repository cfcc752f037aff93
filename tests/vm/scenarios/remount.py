"""The share is mounted, used and unmounted, again and again, as autofs does it."""

from scripts.vm.guest.cifs import trees
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.quiet import observed
from scripts.vm.guest.shares import FIRST
from scripts.vm.guest.workload import STEPS, rounds, work

GUEST = "quiet"
MOUNTS = 20
ROUNDS = 2
TIMEOUT_S = 240


def run(lab: Lab) -> Facts:
    """Mount MOUNTS times; the first one, which loads the module, has nobody to watch it."""
    with lab.mounted():
        pass
    return observed(lab, lambda: _mount_again_and_again(lab))


def _mount_again_and_again(lab: Lab) -> Facts:
    sessions, tallies = [], []
    for _ in range(MOUNTS):
        with lab.mounted() as folder:
            ((session, _tree),) = trees()[FIRST.unc]
            sessions.append(session)
            tallies.append(work(folder, rounds(ROUNDS)))
    return {
        "sessions": sessions,
        "rounds": [tally["delete"] for tally in tallies],
        "errors": sum(len(tally) for tally in tallies) - MOUNTS * (len(STEPS) + 1),
    }
