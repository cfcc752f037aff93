"""What every stage runs in: its inbox, its heartbeat, and how it is told to stop.

A stage is a module with `run(context) -> int`. It takes its configuration and its sockets from the
context and never knows who started it: the supervisor, or a person with `aod-stage`.
"""

import logging
import math
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import zmq

from aod import bounded, log
from aod._native import lib
from aod.config import Config
from aod.wire import SUPERVISOR, Health, Inbox, Message, Outbox, Stop

BEAT_INTERVAL_SEC: Final = 1.0

Run = Callable[["StageContext"], int]


class StageContext:
    """A stage's configuration, sockets, log and stop flag.

    Attributes:
        stopping: finish what is there and return; set by SIGTERM (in the foreground SIGINT too) or
            by a `Stop` message.
    """

    def __init__(self, name: str, config: Config, zmq_context: zmq.Context[zmq.Socket[bytes]]):
        self.name = name
        self.config = config
        self.runtime_dir: Path = config.runtime_dir
        self.log: logging.Logger = log.ROOT.getChild(name)
        self.inbox = Inbox(zmq_context, config.runtime_dir, name)
        self.stopping = False
        self._zmq = zmq_context
        self._outboxes: list[Outbox] = []
        self._health = self.outbox(SUPERVISOR)
        self._last_beat = 0.0
        self._last_state = ("", "")
        self._signal_fd, self._signal_write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poller = zmq.Poller()
        self._poller.register(self.inbox.socket, zmq.POLLIN)
        self._poller.register(self._signal_fd, zmq.POLLIN)

    def outbox(self, receiver: str, *, newest_only: bool = False) -> Outbox:
        """A way to send to another stage; closed with the context."""
        box = Outbox(self._zmq, self.runtime_dir, receiver, newest_only=newest_only)
        self._outboxes.append(box)
        return box

    def beat(self, state: str = "ready", note: str = "", **counters: int) -> None:
        """Tell the supervisor that this stage is alive; call it as often as you like.

        At most one message a second is sent, a change of `state` or `note` at once.
        """
        now, note = time.monotonic(), bounded.text(note)
        if now - self._last_beat < BEAT_INTERVAL_SEC and (state, note) == self._last_state:
            return
        self._last_beat, self._last_state = now, (state, note)
        counters["rejected_messages"] = self.inbox.rejected
        self._health.send(Health(self.name, os.getpid(), state, counters, note))

    def messages(self) -> Iterator[Message]:
        """What lies in the inbox now, up to a limit; a `Stop` sets `stopping` and is not passed
        on."""
        for message in self.inbox.messages():
            if isinstance(message, Stop):
                self.stopping = True
            else:
                yield message

    def also_wait_for(self, fd: int) -> None:
        """From now on `wait` ends when `fd` is readable, too."""
        self._poller.register(fd, zmq.POLLIN)

    def wait(self, timeout_sec: float) -> None:
        """Until there is a message, a signal, or something to read elsewhere."""
        if not self.stopping:
            self._poller.poll(math.ceil(timeout_sec * 1000))  # never a spin through the last ms

    def catch_signals(self, stop_signals: Iterable[signal.Signals]) -> None:
        """Stop on these; the pipe ends a `wait` that a signal would otherwise not interrupt."""
        signal.set_wakeup_fd(self._signal_write_fd, warn_on_full_buffer=False)
        for number in stop_signals:
            signal.signal(number, self._on_stop_signal)

    def _on_stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def close(self) -> None:
        """Close the sockets; what is queued gets a moment to leave."""
        signal.set_wakeup_fd(-1)
        self.inbox.close()
        for box in self._outboxes:
            box.close()
        os.close(self._signal_fd)
        os.close(self._signal_write_fd)


@contextmanager
def stage_context(name: str, config: Config, *, supervised: bool) -> Iterator[StageContext]:
    """A context in this process: named, with its own ZeroMQ context, its signals caught.

    A supervised stage ignores SIGINT: a terminal sends it to the whole group, and the supervisor
    stops the stages in their order.
    """
    lib.aod_name_process(f"aod-{name}".encode())
    zmq_context = zmq.Context()
    context = StageContext(name, config, zmq_context)
    # A snapshot is the supervisor's business; `systemctl kill -s USR1` asks the whole service, and
    # so the commands of capture, too: what is ignored here they ignore.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if supervised:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        context.catch_signals([signal.SIGTERM])
    else:
        context.catch_signals([signal.SIGTERM, signal.SIGINT])
    try:
        yield context
    finally:
        context.close()
        zmq_context.term()


def run_stage(name: str, run: Run, config: Config, *, supervised: bool) -> int:
    """Run a stage in this process to its end; its exit status."""
    with stage_context(name, config, supervised=supervised) as context:
        try:
            return run(context)
        except Exception:
            # The edge of the process: whatever it was, it goes to the log, and the supervisor (or
            # the person) learns of it by the exit status.
            context.log.exception("failed")
            return 1
