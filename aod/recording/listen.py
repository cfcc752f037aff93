"""A listener beside the daemon: programs, maps and a ring of its own, gone when it is closed.

It lives in a folder of bpffs that it holds locked. The lock ends with its process, however that
dies, so the next listener of its name finds the leftovers and removes them."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from aod import log
from aod.config.rules import kernel_thresholds
from aod.config.schema import Config
from aod.event import Events
from aod.files import closing_fd
from aod.kernel import client
from aod.kernel.attachments import (
    ATTACH_INTERVAL_SEC,
    attach_mid_release,
    describe_missing,
    describe_unseen,
)
from aod.kernel.objects import TracerSetup, mid_release_program, program
from aod.kernel.peer_source import Peers
from aod.kernel.thresholds import give_up_ages_ns
from aod.kernel.tracer import DrainStop, Tracer, remove
from aod.state.lock import LockedError, lock_named
from aod.status.gather import command_counters
from aod.status.model import CommandStatus
from aod.transport.eventlog import EventLog

POLL_SEC: Final = 0.05
"""Between two reads of an empty ring; the smallest ring holds what 200,000 operations a second make
in that time."""
SCAN_INTERVAL_NS: Final = 10**8
"""Between two scans of the operations in flight."""

_logger: Final = log.ROOT.getChild("listen")


class Listener:
    """Operations as they finish, all of them; nobody else waits for this ring.

    Attributes:
        behind: whether the last `read` left records in the ring.
        attached: whether operations are seen.
        event_log: in this process's memory alone.
        peers: the names of shares and servers."""

    def __init__(self, config: Config, tracer: Tracer, folder: Path):
        self.behind = self.attached = False
        self._tracer, self._folder = tracer, folder
        with tempfile.TemporaryDirectory(prefix="aod-", dir="/dev/shm") as private:
            self.event_log = EventLog.create(Path(private), megabytes=1)
        policy = config.capture.proc_cifs
        self.peers = Peers(tracer, _logger, config.runtime_dir, policy, publish=False)
        self._ages_ns = give_up_ages_ns(config.unanswered_sec)
        self._note: str | None = None
        self._hindrance = client.hindrance()
        self._next_scan_ns = 0
        self._next_attach = 0.0
        tracer.adopt_log(self.event_log)

    def attach(self) -> str:
        """Attach what is not attached yet, once a second; what is new about that, in a line."""
        now = time.monotonic()
        if self.attached or now < self._next_attach:
            return ""
        self._next_attach = now + ATTACH_INTERVAL_SEC
        before, self._note = self._note, self._missing()
        if self._note == before:
            return ""
        if self._note:
            return self._note
        self.attached = True
        if unseen := describe_unseen(self._tracer.attach()):
            _logger.info("%s", unseen)
        attach_mid_release(self._tracer, mid_release_program(), _logger)
        self.peers.look_at_mounts()
        return "attached to the cifs client"

    def _missing(self) -> str:
        return describe_missing(self._tracer.attach(), self._hindrance)

    def read(self) -> Events:
        """What is new, (n,): a view that holds until the next call; `behind` says if more is there.

        Operations that hang are looked for now and then, after what has ended."""
        event_log, start = self.event_log, self.event_log.position
        limit = start + event_log.capacity
        drained = self._tracer.drain(event_log, limit, event_log.commit_records)
        self.behind = drained.stop is not DrainStop.EMPTY
        now_ns = time.monotonic_ns()
        if now_ns >= self._next_scan_ns:
            self._next_scan_ns = now_ns + SCAN_INTERVAL_NS
            self._tracer.scan_in_flight(event_log, limit, now_ns, self._ages_ns)
        return event_log.span(start, event_log.position)

    def counters(self) -> dict[str, CommandStatus]:
        """The kernel's counters as they are now, by command."""
        self._tracer.publish_stats(self.event_log, time.monotonic_ns())
        return command_counters(self.event_log)

    def detach(self) -> None:
        """Let nothing more happen; what has happened can still be read."""
        remove(self._folder)

    def close(self) -> None:
        self.peers.close()
        self._tracer.close()


@contextmanager
def listening(config: Config, name: str) -> Iterator[Listener]:
    """A listener for the length of a block; `name` tells those of one daemon apart.

    Raises LockedError: there is one of that name. Raises TracerError: the kernel refuses."""
    with _own_folder(config.pin_dir.with_name(f"{config.pin_dir.name}-{name}")) as own:
        pins = own / "pins"
        ring_bytes = config.ring_mb << 20
        setup = TracerSetup(pins, ring_bytes, config.max_inflight, beside=config.pin_dir)
        thresholds = replace(kernel_thresholds(config), matching_only=False)
        with closing(Listener(config, Tracer.install(program(), setup, thresholds), pins)) as made:
            yield made


@contextmanager
def _own_folder(path: Path) -> Iterator[Path]:
    with closing_fd(_locked(path)):
        try:
            for left in path.iterdir():
                remove(left)
            yield path
        finally:
            remove(path)


def _locked(path: Path) -> int:
    """A descriptor that holds the folder, made if need be, locked."""
    while True:
        path.mkdir(0o700, exist_ok=True)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if lock_named(fd, path):
                return fd
        except BlockingIOError:
            os.close(fd)
            raise LockedError(f"{path} is in use: this command runs already") from None
        os.close(fd)  # its last holder removed it before we had it
