"""Sessions expire: most are renewed at once, one is refused, one meets a server that is silent."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from scripts.vm.guest import relay
from scripts.vm.guest.counters import settled, wait_for_names
from scripts.vm.guest.daemon import Daemon
from scripts.vm.guest.lab import Facts, Lab, replaced
from scripts.vm.guest.relay import Relay
from scripts.vm.guest.shares import FIRST, SECOND
from scripts.vm.guest.tracefs import traced
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import rounds, work, working

GUEST = "faults"
TIMEOUT_S = 240
EVENTS = ("smb3_ses_expired", "smb3_reconnect")
RENEWALS = 3
RATE = 5  # rounds per second
# Longer than an expiry is held back.
HELD_S = 7


def run(lab: Lab) -> Facts:
    """Each daemon sees one story; both servers' sessions are renewed in the first one."""
    with (
        relay.relayed(FIRST) as first,
        relay.relayed(SECOND) as second,
        lab.mounted(relay.OPTIONS) as folder,
        lab.mounted(relay.OPTIONS, share=SECOND) as other,
    ):
        return {
            "renewed": _renewed(lab, first, folder),
            "refused": _refused(lab, first, folder, second, other),
            "silent": _silent(lab, first, folder),
        }


def _renewed(lab: Lab, server: Relay, folder: Path) -> Facts:
    """Work while the session expires again and again."""
    with _daemon(lab, "renewed") as daemon:
        daemon.wait_until_watching()
        settled()
        with traced(*EVENTS) as trace, working(folder, rounds_per_s=RATE) as tally:
            for _ in range(RENEWALS):
                _expire(server)
                time.sleep(1)  # as much apart that each is an expiry of its own
        time.sleep(HELD_S)  # that nothing comes is the scenario
        return {
            "traced": trace.counts(),
            "tally": tally,
            "exit_status": lab.stop(daemon),
        }


def _refused(lab: Lab, server: Relay, folder: Path, second: Relay, other: Path) -> Facts:
    """One server refuses the new logon; meanwhile another session is renewed."""
    with _daemon(lab, "refused") as daemon:
        daemon.wait_until_watching()
        wait_for_names(FIRST)
        wait_for_names(SECOND)
        server.refuses_logons = True
        with ThreadPoolExecutor(1) as pool:
            _expire(server, lambda: pool.submit(_ask, folder))
            second.expire()
            renewed = work(other, rounds(3))
            daemon.wait_for_line("Connection anomaly")
            server.heal()
        _wait_until_it_works(folder)
        return {"renewed": renewed, "exit_status": lab.stop(daemon)}


def _silent(lab: Lab, server: Relay, folder: Path) -> Facts:
    """Nothing is answered any more, so nothing is recorded either."""
    with _daemon(lab, "silent") as daemon:
        daemon.wait_until_watching()
        settled()
        server.is_silent = True
        with ThreadPoolExecutor(1) as pool:
            _expire(server, lambda: pool.submit(_ask, folder))
            daemon.wait_for_line("Connection anomaly")
            server.heal()
        _wait_until_it_works(folder)
        return {"exit_status": lab.stop(daemon)}


def _daemon(lab: Lab, name: str) -> Daemon:
    """One whose bundles are its own."""

    def apart(text: str) -> str:
        return replaced(text, "/var/log/aod", f"/var/log/aod-{name}")

    return lab.daemon(config=lab.configuration(apart, name), name=name)


def _expire(server: Relay, act: Callable[[], object] = lambda: None) -> None:
    """Let the server's sessions expire; the client has been told when this returns."""
    before = server.refused
    server.expire()
    act()
    wait_until(lambda: server.refused > before, "a refusal", 10)


def _ask(folder: Path) -> None:
    """A request, whatever comes of it."""
    with suppress(OSError):
        list(folder.iterdir())


def _wait_until_it_works(folder: Path) -> None:
    wait_until(lambda: work(folder, rounds(1))["delete"], "the share to work again", 60)
