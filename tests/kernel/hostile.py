"""A detect that somebody has taken over: what such a process can try, as its user, with its rights.

Each function is run in a process of that user. It may fail, but must not do what it is about.
"""

import os
import random
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import zmq

from aod.event import EVENT_DTYPE
from aod.state import names
from aod.state.names import AUDIT_FILE
from aod.transport.wire import TAKES, endpoint
from tests.unit.samples import anomaly, operation

BASE_NS: Final = 1_500_000_000 * 10**9
"""Of the timestamps that are made up."""
_EXCHANGES: Final = 2000
_FLOOD: Final = 1500
_PATIENCE_MS: Final = 5000


def as_user(uid: int, gid: int, do: Callable[[], None]) -> None:
    """Do something in a process of a user without any rights, and wait for its end.

    Raises:
        AssertionError: it raised.
    """
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setgroups([gid])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            do()
            status = 0
        except BaseException:
            traceback.print_exc(file=sys.stderr)
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


class Hostile:
    """What it knows: the daemon's folders, and what it would like to have."""

    def __init__(self, runtime: Path, state: Path, output: Path, victim: Path):
        self.runtime, self.output, self.victim = runtime, output, victim
        self.spool = state / "spool"
        self.at = BASE_NS

    def entry(self, content: bytes | None = None, **changes: Any) -> Path:
        """An entry under its right name; an anomaly with these changes, or this content."""
        self.at += 1
        path = self.spool / names.spooled(changes.get("timestamp", self.at))
        made = anomaly(timestamp=self.at, actions=("mounts",))
        if content is None:
            content = msgspec.json.encode(msgspec.structs.asdict(made) | {"type": "anomaly"})
            content = _changed(content, changes)
        path.write_bytes(content)
        return path

    def plant_what_is_no_file(self) -> None:
        for target in (self.victim, Path("/dev/zero"), self.spool / "nowhere", Path("/proc/kmsg")):
            self._free().symlink_to(target)
            hidden = self._free()
            hidden.with_name(f".{hidden.name}.1.tmp").symlink_to(target)
            self._free().with_suffix(".rejected").symlink_to(target)
        os.mkfifo(self._free())
        (self._free() / "in" / "it").mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(self._free()))

    def plant_names(self) -> None:
        for name in ("..json", "-1.json", "01.json", "1.json\n", "1.json.json", "\u202e1.json"):
            (self.spool / name).write_bytes(msgspec.json.encode(anomaly()))
        self.entry().chmod(0)

    def plant_rubbish(self) -> None:
        generator = random.Random(1)
        for content in (b"", b"[" * 100_000, b'{"a":' * 100_000, b"\xff" * 1000, b"null", b"1e999"):
            self.entry(content)
        for size in (1, 100, 10_000):
            self.entry(generator.randbytes(size))
        with self.entry(b"").open("r+b") as huge:
            huge.truncate(1 << 40)

    def plant_absurdities(self, sealed: int) -> None:
        """Anomalies that decode, more or less."""
        self.entry(timestamp=sealed)
        for ahead in (2**63 - 1, 2**64 - 1, int(1.67e19)):
            self.entry(timestamp=ahead)
        for timestamp in (0, -1, 2**64, 1.5, None, [1], f"../../{self.victim.name}"):
            self.entry(_changed(msgspec.json.encode(anomaly()), {"timestamp": timestamp}))
        worst = msgspec.to_builtins(operation(latency_ns=2**64 - 1, comm="x" * 100))
        for changes in (
            {"name": "../../victim"},
            {"name": "a\x1b[2Jb"},
            {"anomaly": "../x"},
            {"reason": "line\nline\x1b]0;title\x07"},
            {"reason": "r" * 900_000},
            {"trigger_ns": 2**63 - 1},
            {"trigger_ns": -1},
            {"window_ns": 2**64},
            {"count": -5},
            {"worst": [worst] * 200},
            {"related": [{"timestamp": 1, "anomaly": "x", "name": "/etc"}] * 1000},
            {"evidence": "AAAA"},
            {"evidence": "/" * 4 * EVENT_DTYPE.itemsize},
            {"rule": "manual"},
            {"actions": ["../../bin/sh", "/bin/sh", "no such", "a\nb"]},
            {"actions": ["mounts"] * 100_000},
        ):
            self.entry(**changes)

    def want_more_than_is_configured(self) -> None:
        """Of its own name, of another's, of none, and as if a person had asked."""
        everything = ["mounts", "dmesg", "stacks", "system", "sockets"]
        self.entry(actions=everything)
        self.entry(actions=everything, name="other")
        self.entry(actions=everything, name="unknown")
        self.entry(actions=everything, rule="manual", name="snapshot")

    def exchange(self) -> None:
        """What an entry is changes all the time, while capture looks."""
        beside = self.spool / "beside"
        path = self._free()
        good = self.entry().read_bytes()
        for turn in range(_EXCHANGES):
            with suppress(OSError):
                beside.unlink()
            if turn % 3 == 0:
                beside.symlink_to(self.victim)
            elif turn % 3 == 1:
                beside.write_bytes(good)
            else:
                os.mkfifo(beside)
            with suppress(OSError):
                beside.rename(path)

    def flood(self) -> None:
        for _ in range(_FLOOD):
            self.entry()

    def write_absurd_positions(self) -> Iterator[None]:
        """One after the other; who calls looks whether the others live on."""
        path = self.runtime / "detect.position"
        for position in (2**64 - 1, 0, 1 << 62):
            path.write_bytes(struct.pack("<Q", position) * 512)
            yield
        for size in (0, 5, 1 << 20):
            os.truncate(path, size)
            yield

    def talk_to_everybody(self) -> None:
        """Whatever it can send, in messages; those that nobody takes cost nothing."""
        good = msgspec.msgpack.encode(anomaly(timestamp=BASE_NS - 1, rule="manual"))
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        for receiver in TAKES:
            with context.socket(zmq.PUSH) as push:
                push.set(zmq.LINGER, 200)
                push.set(zmq.SNDTIMEO, _PATIENCE_MS)
                push.connect(endpoint(self.runtime, receiver))
                with suppress(zmq.Again):
                    for _ in range(50):
                        push.send_multipart([good, b""])
                        push.send(b"\xc1" * 1000)
                        push.send_multipart([good] * 20)
        context.destroy()

    def try_the_doors(self, pin_dir: Path) -> None:
        """What it must not be able to do at all.

        Raises:
            AssertionError: it could.
        """
        runtime, spool = self.runtime, self.spool
        log, inbox = runtime / "events.log", runtime / "capture"
        doors: dict[str, Callable[[], object]] = {
            "writing events": partial(log.open, "r+b"),
            "removing events": log.unlink,
            "a file in the runtime folder": (runtime / "new").touch,
            "moving its own folder": partial((runtime / "detect").rename, runtime / "d"),
            "removing capture's socket": (inbox / "sock").unlink,
            "a file in capture's folder": (inbox / "new").touch,
            "the lock": (runtime / "supervisor.lock").read_bytes,
            "moving the spool": partial(spool.rename, spool.with_name("s")),
            "opening the spool": partial(spool.chmod, 0o777),
            "the bundles": partial(os.listdir, self.output),
            "the audit log": (self.output / AUDIT_FILE).read_bytes,
            "the pins": partial(os.listdir, pin_dir),
            "the victim": self.victim.read_bytes,
        }
        for what, door in doors.items():
            try:
                door()
            except PermissionError:
                continue
            raise AssertionError(f"not refused: {what}")

    def _free(self) -> Path:
        self.at += 1
        return self.spool / names.spooled(self.at)


def _changed(content: bytes, changes: dict[str, Any]) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(content) | changes)
