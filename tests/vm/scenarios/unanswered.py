"""Operations that never finish: a killed waiter, a server that dies, the rest of failed compounds.

Recorded twice: with the hooks on the client's functions, and without them, by their age alone.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aod.event import CONNECTION, IN_FLIGHT, UNANSWERED, Events
from aod.kernel.objects import MID_RELEASE_VARIABLE
from aod.smb import peers
from aod.smb.commands import Command, ConnectionEvent, command_name
from aod.status.gather import gather
from aod.status.model import Status
from aod.transport.eventlog import EventLog
from scripts.vm.guest import cifs
from scripts.vm.guest.daemon import Daemon
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.wait import wait_until

TIMEOUT_S = 300
RUNTIME = Path("/run/aod")
BPFFS = Path("/sys/fs/bpf")
MISSING_FILES = 50
GIVE_UP_SEC = 4
PATIENCE_S = 60

_WITHOUT = ("--without", "capture", "--without", "cleanup")


def run(lab: Lab) -> Facts:
    """One story with the hooks and without them; then the module can go."""
    facts: Facts = {"hooks": _story(lab, "hooks")}
    with _environment(MID_RELEASE_VARIABLE, ""):
        facts["age"] = _story(lab, "age")
    cifs.unload_module()
    return facts


def _story(lab: Lab, name: str) -> Facts:
    config = lab.configuration(lambda text: f"{text}\nunanswered_sec: {GIVE_UP_SEC}\n")
    options = f"{cifs.OPTIONS},cache=none,actimeo=0"
    with (
        lab.mounted(options) as folder,
        Daemon(lab.artefacts / f"{name}.log", config, *_WITHOUT) as daemon,
    ):
        (folder / "known").write_text("known")
        daemon.wait_for_line("attached to the cifs client")
        log = EventLog.reader(RUNTIME)
        mounted_before = wait_until(
            lambda: peers.FILE.read(RUNTIME).shares,
            "the names of what was mounted",
            PATIENCE_S,
        )
        facts: Facts = {
            "mounted_before": sorted(mounted_before.values()),
            "killed": _watched(log, lambda: _kill_waiter(lab, folder, log)),
            "failed": _watched(log, lambda: _fail_compounds(folder)),
            "pins": sorted(path.name for path in (BPFFS / "aod" / "mid_release").glob("*")),
            "lost": _watched(log, lambda: _lose_server(lab, folder, log, daemon)),
            "after": _watched(log, lambda: _look(folder)),
            "reconnects": _reconnects(log.view(0, log.position)),
            "unseen": gather(RUNTIME).unseen,
            "exit_status": daemon.stop(),
        }
    return facts | {"left": [path.name for path in BPFFS.iterdir()]}


def _watched(log: EventLog, act: Callable[[], Facts]) -> Facts:
    """What was done, and what was recorded and counted until nothing was in flight any more."""
    start, before = log.position, _settled()
    facts = act()
    after = _settled()
    events = log.view(start, log.position - start)
    return facts | {
        "in_flight": _operations(events, IN_FLIGHT),
        "ended": _operations(events, UNANSWERED),
        "failed_creates": int(
            ((events["command"] == Command.SMB2_CREATE) & (events["error"] != 0)).sum()
        ),
        "moved": {
            name: {field: getattr(one, field) - _before(before, name, field) for field in _FIELDS}
            for name, one in after.commands.items()
        },
        "conserved": after.conserved,
        "trees": sorted({_share(event) for event in events[events["tree_id"] != 0]}),
    }


_FIELDS = ("unanswered", "unanswered_told", "gave_up", "orphaned")


def _before(found: Status, name: str, field: str) -> int:
    one = found.commands.get(name)
    return int(getattr(one, field)) if one else 0


def _settled() -> Status:
    """The counters of a moment when nothing was in flight any more.

    They are published less often than the map is looked at: those that are there when it is empty
    may be older than that.
    """
    _idle_after(time.monotonic_ns())
    return _idle_after(time.monotonic_ns())


def _idle_after(now_ns: int) -> Status:
    def idle() -> Status | None:
        found = gather(RUNTIME)
        return found if found.stats_ns > now_ns and not found.in_flight else None

    return wait_until(idle, "counters, and no operation in flight", PATIENCE_S)


def _operations(events: Events, flag: int) -> list[list[object]]:
    """Those with the flag, each as command, session, mid and start."""
    return sorted(
        [
            command_name(int(one["command"])),
            int(one["session_id"]),
            int(one["mid"]),
            int(one["end_ns"] - one["latency_ns"]),
        ]
        for one in events[(events["flags"] & flag) != 0]
    )


def _share(event: Events) -> str:
    names = peers.FILE.read(RUNTIME)
    return names.share(int(event["session_id"]), int(event["tree_id"]))


def _kill_waiter(lab: Lab, folder: Path, log: EventLog) -> Facts:
    """Kill a program whose operation hangs; then the server answers."""
    with lab.samba.paused():
        waiter = _waiter(folder, log)
        waiter.kill()
        status = waiter.wait(PATIENCE_S)
    return {"waiter": status}


def _lose_server(lab: Lab, folder: Path, log: EventLog, daemon: Daemon) -> Facts:
    """Kill the collector, and then a server while operations are in flight; start another."""
    _kill_collector(daemon, log)
    with lab.samba.paused():
        waiter = _waiter(folder, log)
        lab.samba.kill()
    lab.samba.start()
    return {"waiter": waiter.wait(PATIENCE_S)}


def _kill_collector(daemon: Daemon, log: EventLog) -> None:
    pid = daemon.wait_for_worker("collect")
    os.kill(pid, signal.SIGKILL)
    daemon.wait_for_worker("collect", other_than=pid)
    _settled()


def _waiter(folder: Path, log: EventLog) -> "subprocess.Popen[bytes]":
    """A program that waits for the server; all its operations are recorded as hanging."""
    start = log.position

    def recorded() -> bool:
        hanging = _operations(log.view(start, log.position - start), IN_FLIGHT)
        return 0 < len(hanging) == int(log.header["in_flight"])

    program = subprocess.Popen(["stat", str(folder / "known")], stdout=subprocess.DEVNULL)
    wait_until(recorded, "all that hangs to be recorded", PATIENCE_S)
    return program


def _fail_compounds(folder: Path) -> Facts:
    return {
        "missing": [(folder / f"missing-{n}").exists() for n in range(MISSING_FILES)].count(False)
    }


def _look(folder: Path) -> Facts:
    """After the reconnect everything has new numbers."""
    text = (folder / "known").read_text()
    (folder / "known").unlink()
    return {"text": text}


def _reconnects(events: Events) -> list[Facts]:
    connection = (events["flags"] & CONNECTION) != 0
    found = events[connection & (events["command"] == ConnectionEvent.RECONNECT)]
    names = peers.FILE.read(RUNTIME)
    return [
        {"server": names.server(int(one["session_id"])), "latency_ns": int(one["latency_ns"])}
        for one in found
    ]


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """For the daemons that are started in the block."""
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
