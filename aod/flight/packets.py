"""The ring of packets: tcpdump, started, watched, respawned, and ended with us.

It runs as the user `tcpdump`, where there is one, with no capability but the one that it needs.
That is done before it starts (setpriv), not by itself (-Z): a change of user cancels the signal
that ends it when capture dies. It writes each packet at once (-U): its way of flushing on demand
(SIGUSR2) writes from a signal handler into a stream that may be in the middle of a packet."""

import logging
import os
import pwd
import re
import signal
import subprocess
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, cast

from aod.config.schema import Packets
from aod.flight import layered, ring
from aod.host import children
from aod.log import WarnOnce

FIRST_DELAY_SEC: Final = 1.0
LONGEST_DELAY_SEC: Final = 60.0
"""Between two attempts; one that lived longer than this begins anew."""
ASK_INTERVAL_SEC: Final = 10.0
"""How often tcpdump is asked (SIGUSR1) how much it has missed."""
USER: Final = "tcpdump"
_MOST_TEXT: Final = 4096
_READY: Final = "listening on"
"""Printed when its signal handlers are in place; before, SIGUSR1 would end it."""
_DROPPED: Final = re.compile(r"\b(\d+) packets? dropped by kernel")


class PacketRing:
    """tcpdump and its files; nothing here waits or raises."""

    def __init__(self, folder: Path, settings: Packets, logger: logging.Logger) -> None:
        self.folder = folder
        self.starts = 0
        self._shape = ring.shape(settings.ring_mb, settings.snaplen)
        self._ports = settings.ports
        self._left_out: frozenset[int] = frozenset()
        """Interfaces whose packets are recorded above them."""
        self._may_leave_out = True
        self._reach_sec = 0
        self._popen: subprocess.Popen[bytes] | None = None
        self._text = ""
        self.is_recording = False
        self._dropped = self._dropped_before = 0
        self._started = self._asked = self._next_start = 0.0
        self._delay_sec = FIRST_DELAY_SEC
        self._warn_once = WarnOnce(logger)
        children.end_writers(folder)  # two would write one file

    @property
    def dropped(self) -> int:
        """Packets that tcpdump was too slow for, as far as it has reported."""
        return self._dropped_before + self._dropped

    def counters(self) -> dict[str, int]:
        """For the heartbeat."""
        return {
            "packets_recording": int(self.is_recording),
            "packets_restarts": max(0, self.starts - 1),
            "packets_dropped": self.dropped,
            "packets_reach_sec": self._reach_sec,
        }

    def tick(self) -> None:
        """Start it, read its errors, or notice its end."""
        now = time.monotonic()
        if self._popen is None:
            if now >= self._next_start:
                self._start(now)
            return
        ended = self._popen.poll() is not None
        with suppress(BlockingIOError):
            piece = os.read(cast(IO[bytes], self._popen.stderr).fileno(), _MOST_TEXT)
            self._text = (self._text + piece.decode(errors="replace"))[-_MOST_TEXT:]
            self.is_recording = self.is_recording or _READY in self._text
        if counts := _DROPPED.findall(self._text):
            self._dropped = int(counts[-1])
        if ended:
            self._reap(now)
        elif self.is_recording and now - self._asked > ASK_INTERVAL_SEC:
            self._asked = now
            self._popen.send_signal(signal.SIGUSR1)
            self._reach_sec = ring.reach_sec(self.folder, self._shape)
            if layered.alone(self._left_out):
                self._popen.kill()

    def close(self) -> None:
        """End it; there is nothing to save, for its files go with it."""
        if self._popen is not None:
            with self._popen:
                self._popen.kill()
            self._popen, self.is_recording = None, False
        ring.remove(self.folder)

    def _start(self, now: float) -> None:
        self._text = ""
        self._started = self._asked = now
        try:
            owner = _owner()
            ring.prepare(self.folder, owner)
            ring.make_way(self.folder, self._shape)
            # By the main thread: the signal of a parent's death is that of the thread's.
            self._left_out = layered.below() if self._may_leave_out else frozenset()
            argv = command(self._shape, owner, self._ports, self._left_out)
            self._popen = children.spawn(argv, self.folder, subprocess.DEVNULL, umask=0o077)
            os.set_blocking(cast(IO[bytes], self._popen.stderr).fileno(), False)
        except (OSError, KeyError) as error:  # KeyError: our user has no name
            self._fail(now, str(error))
        else:
            self.starts += 1

    def _reap(self, now: float) -> None:
        popen = cast("subprocess.Popen[bytes]", self._popen)
        cast(IO[bytes], popen.stderr).close()
        has_recorded = self.is_recording
        self._popen, self.is_recording = None, False
        self._dropped_before, self._dropped = self.dropped, 0
        if self._left_out and (not has_recorded or layered.alone(self._left_out)):
            # libpcap before 1.10 knows no `ifindex`; or they have to be recorded again.
            self._may_leave_out = has_recorded
            self._next_start = now
            return
        if now - self._started > LONGEST_DELAY_SEC:
            self._delay_sec = FIRST_DELAY_SEC
            self._warn_once.clear()
        lines = [line for line in self._text.splitlines() if line and _READY not in line]
        last = f": {lines[-1]}" if lines else ""
        self._fail(now, f"ended with status {popen.returncode}{last}")

    def _fail(self, now: float, why: str) -> None:
        self._next_start = now + self._delay_sec
        self._delay_sec = min(2 * self._delay_sec, LONGEST_DELAY_SEC)
        self._warn_once(f"tcpdump: {why}; no packets are recorded until it runs again")


def command(
    shape: ring.Shape,
    owner: tuple[int, int] | None,
    ports: Collection[int],
    left_out: Collection[int] = (),
) -> list[str]:
    """The command, to be run in the ring's folder: its user may not go through those above it.

    Args:
        owner: the user and the group that it becomes.
        left_out: the numbers of interfaces whose packets are seen on others, too."""
    privileges = ["--pdeathsig", "KILL", "--no-new-privs"]
    if owner is not None:
        uid, gid = owner
        privileges += [f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
        privileges += [f"--{kind}=-all,+net_raw" for kind in ("inh-caps", "ambient-caps")]
        privileges += ["--bounding-set=-all,+net_raw"]
    written = ["-w", ring.NAME, "-C", str(shape.file_mb), "-W", str(shape.files), "-U"]
    # Without an owner -Z keeps it from looking for the user that is not there.
    stay = [] if owner is not None else ["-Z", pwd.getpwuid(os.geteuid()).pw_name]
    options = ["-i", "any", "-n", "-p", "--nano", "-s", str(shape.snaplen), *written, *stay]
    wanted = " or ".join(f"tcp port {port}" for port in ports)
    seen_above = "".join(f" and not ifindex {number}" for number in sorted(left_out))
    return ["setpriv", *privileges, "--", "tcpdump", *options, f"({wanted}){seen_above}"]


def _owner() -> tuple[int, int] | None:
    """Who tcpdump runs as; None: as ourselves, where we are not root or there is no such user."""
    with suppress(KeyError):
        entry = pwd.getpwnam(USER)
        return (entry.pw_uid, entry.pw_gid) if os.geteuid() == 0 else None
    return None
