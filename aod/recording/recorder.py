"""Record operations: what `aod record` does, beside a running daemon or without one."""

import platform
import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

import aod
from aod import log
from aod.config.load import Loaded
from aod.recording.format import Head, Mark, layout
from aod.recording.listen import POLL_SEC, Listener, listening
from aod.recording.writer import Writer

FLUSH_SEC: Final = 0.5
"""A recorder that is killed loses what finished since then."""
MARK_SEC: Final = 10.0

_logger: Final = log.ROOT.getChild("record")


class Recorded(Struct, frozen=True):
    """What a finished recording holds."""

    records: int
    seconds: float
    dropped: int
    """Operations that are missing: the ring was full, or too many were in flight."""
    size_bytes: int


class Recorder:
    """A recording that is being made."""

    def __init__(self, listener: Listener, writer: Writer):
        self._listener, self._writer = listener, writer
        self._next_flush = self._next_mark = 0.0

    def step(self) -> None:
        """Take what there is; wait a little where there is no more.

        Raises RecordingWriteError: the disk refuses."""
        self._writer.add(self._listener.read())
        now = time.monotonic()
        if now >= self._next_flush:
            self._next_flush = now + FLUSH_SEC
            if note := self._listener.attach():
                _logger.info("%s; recording to %s", note, self._writer.path)
            self._add_names()
            self._writer.flush()
        if now >= self._next_mark:
            self._next_mark = now + MARK_SEC
            self._writer.mark(self._mark())
        if not self._listener.behind:
            time.sleep(POLL_SEC)

    def _add_names(self) -> None:
        if (names := self._listener.peers.update()) is not None:
            self._writer.add_names(names)

    def finish(self) -> Mark:
        """Take what is left, and mark the end."""
        self._listener.detach()
        self._writer.add(self._listener.read())
        while self._listener.behind:
            self._writer.add(self._listener.read())
        self._add_names()
        mark = msgspec.structs.replace(self._mark(), ended=True)
        self._writer.mark(mark)
        return mark

    def _mark(self) -> Mark:
        counters = {
            command: {name: count for name, count in msgspec.to_builtins(one).items() if count}
            for command, one in self._listener.counters().items()
        }
        return Mark(
            now_ns=time.monotonic_ns(),
            records=self._writer.records,
            in_flight=int(self._listener.event_log.header["in_flight"]),
            counters=counters,
        )


def record(
    loaded: Loaded,
    path: Path,
    *,
    replace: bool,
    seconds: float | None,
    stopping: Callable[[], bool],
) -> Recorded:
    """Record to a new file until told to stop, or for so long.

    Raises LockedError: another one records. Raises RecordingError: the file cannot be made. Raises
    RecordingWriteError: the disk refuses; what was written before is whole."""
    with listening(loaded.config, "record") as listener:
        head = Head(
            program=f"aodv2 {aod.__version__}",
            layout=layout(),
            start_ns=time.monotonic_ns(),
            realtime_offset_ns=listener.event_log.realtime_offset_ns,
            host=socket.gethostname(),
            kernel=platform.release(),
            config_file=str(loaded.path.absolute()),
            config=loaded.raw.decode(errors="replace"),
        )
        with closing(Writer.create(path, head, replace=replace)) as writer:
            recorder = Recorder(listener, writer)
            until = time.monotonic() + (seconds or float("inf"))
            while not stopping() and time.monotonic() < until:
                recorder.step()
            mark = recorder.finish()
    passed_sec = (mark.now_ns - head.start_ns) / 1e9
    return Recorded(mark.records, passed_sec, mark.dropped, writer.size_bytes)
