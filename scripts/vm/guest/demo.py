"""The guest's side of the demo: a healthy share, then a slow network, reported line by line."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

from scripts.vm.guest import faults
from scripts.vm.guest.daemon import CONFIGURATION, Daemon
from scripts.vm.guest.lab import Lab, reset
from scripts.vm.guest.samba import Samba
from scripts.vm.guest.shares import FIRST
from scripts.vm.guest.workload import at_rate, seconds, work, working

# What the host shows to the user; everything else on the console is the kernel's.
GUEST = "[guest] "
DAEMON = "[aod]   "

ARTEFACTS = Path("/results/demo")
HEALTHY_S = 5
RATE = 10  # rounds per second
DELAY_MS = 40
WORKERS = 4

# Longer than the daemon's cooldown, should a healthy but overloaded guest have tripped it already.
_DETECTION_TIMEOUT_S = 120


def main() -> int:
    """Run the story; 0 when it ended with a sealed bundle among the results."""
    ARTEFACTS.mkdir()
    lab, samba = Lab(ARTEFACTS), Samba()
    samba.prepare()
    reset(samba)
    say("Samba serves a share in memory")
    with lab.mounted() as folder:
        say(f"mounted {FIRST.unc} on {folder}, vers=3.1.1")
        with lab.daemon() as daemon, _log_shown(daemon):
            daemon.wait_until_watching()
            bundle = _break_and_catch(daemon, folder)
            say(f"sealed {bundle.name}, {bundle.stat().st_size / 1024:.1f} KiB")
            lab.keep(bundle)
            say(f"stopped the daemon; its exit status is {daemon.stop()}")
    return 0


def _break_and_catch(daemon: Daemon, folder: Path) -> Path:
    """Work, slow the network down, and return the bundle that this led to."""
    say(f"working on healthy files for {HEALTHY_S} s with {CONFIGURATION.name}: all quiet?")
    healthy = work(folder, at_rate(RATE, seconds(HEALTHY_S)))
    known = set(daemon.bundles())
    say(f"{_work_done(healthy)}; bundles: {len(known)}")
    say(f"tc qdisc add dev lo root netem delay {DELAY_MS}ms, and the work goes on")
    with working(folder, workers=WORKERS) as tally, faults.slow_network(DELAY_MS):
        bundle = daemon.wait_for_bundle(known, _DETECTION_TIMEOUT_S)
    say(f"the network is healed; {_work_done(tally)}")
    return bundle


def say(text: str) -> None:
    """One line for the user."""
    print(GUEST + text, flush=True)


def _work_done(tally: Counter[str]) -> str:
    return f"{tally['rounds']} files written, read, renamed, deleted"


@contextmanager
def _log_shown(daemon: Daemon) -> Iterator[None]:
    """Show the daemon's log as it grows; `tail` ends by itself, with the daemon."""
    follow = ["--lines=+1", "--follow", "--sleep-interval=0.2", f"--pid={daemon.pid}"]
    with subprocess.Popen(["tail", *follow, str(daemon.log_file)], stdout=PIPE, text=True) as tail:
        thread = threading.Thread(target=_show, args=(tail,), name="log")
        thread.start()
        try:
            yield
        finally:
            if daemon.is_running():
                daemon.stop()
            thread.join()


def _show(tail: subprocess.Popen[str]) -> None:
    for line in tail.stdout or ():
        print(DAEMON + line.rstrip("\n"), flush=True)


if __name__ == "__main__":
    sys.exit(main())
