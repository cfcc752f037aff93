"""What every stage runs in: its inbox, its heartbeat, and how it is told to stop.

A stage is a module with `run(context) -> int`. It takes its configuration and its sockets from the
context and never knows who started it: the supervisor, or a person with `aod-stage`.
"""

import faulthandler
import logging
import math
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

import zmq

from aod import log
from aod import text as bounded
from aod._native import lib
from aod.config.schema import Config
from aod.stages.channel import WorkerEnd
from aod.text import one_line
from aod.transport.wire import Health, Inbox, Message, Outbox

BEAT_INTERVAL_SEC: Final = 1.0
ASK_WHERE: Final = signal.SIGQUIT
"""A stage with a supervisor writes the stacks of its threads to the log, and goes on."""

Run = Callable[["StageContext"], int]


class StageContext:
    """A stage's configuration, sockets, log and stop flag.

    Attributes:
        stopping: finish what is there and return; set by SIGTERM, in the foreground by SIGINT, too.
        config: as of the last `new_config`.
    """

    def __init__(
        self,
        name: str,
        config: Config,
        zmq_context: zmq.Context[zmq.Socket[bytes]],
        line: WorkerEnd | None = None,
    ):
        """Without a line to a supervisor, nobody hears the heartbeat."""
        self.name = name
        self.config = config
        self.runtime_dir: Path = config.runtime_dir
        self.log: logging.Logger = log.ROOT.getChild(name)
        self.inbox = Inbox(zmq_context, config.runtime_dir, name)
        self.stopping = False
        self._zmq = zmq_context
        self._outboxes: list[Outbox] = []
        self._line = line
        self._last_beat = 0.0
        self._last_state = ("", "")
        self._signal_fd, self._signal_write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poller = zmq.Poller()
        self._poller.register(self.inbox.socket, zmq.POLLIN)
        self._poller.register(self._signal_fd, zmq.POLLIN)
        if line is not None:
            self._poller.register(line.fileno(), zmq.POLLIN)

    def wake_fds(self) -> tuple[int, ...]:
        """What `wait` waits for, for a stage that waits in another way: it is readable when there
        is a message, a signal (until `clear_signals`) or a configuration."""
        line = [] if self._line is None else [self._line.fileno()]
        return int(self.inbox.socket.get(zmq.FD)), self._signal_fd, *line

    def clear_signals(self) -> None:
        """The signals that came were seen."""
        with suppress(BlockingIOError):
            os.read(self._signal_fd, 64)

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
        if self._line is not None:
            self._line.tell(Health(self.name, os.getpid(), state, counters, note))

    def new_config(self) -> Config | None:
        """The configuration to go on with from now, if there is a new one; call it in the loop."""
        new = None if self._line is None else self._line.new_config()
        if new is not None:
            self.config = new
            self.log.info("goes on with the new configuration")
        return new

    @property
    def stop_within_sec(self) -> float:
        """How long a stop may take."""
        told = None if self._line is None else self._line.stop_within_sec
        return self.config.supervision.drain_timeout_sec if told is None else told

    def messages(self) -> Iterator[Message]:
        """What lies in the inbox now, up to a limit."""
        return self.inbox.messages()

    def also_wait_for(self, fd: int) -> None:
        """From now on `wait` ends when `fd` is readable, too."""
        self._poller.register(fd, zmq.POLLIN)

    def wait(self, timeout_sec: float) -> None:
        """Until there is a message, a signal, a configuration, or something to read elsewhere."""
        if not self.stopping:
            self._poller.poll(math.ceil(timeout_sec * 1000))  # never a spin through the last ms

    def catch_signals(self, stop_signals: Collection[signal.Signals]) -> None:
        """Stop on these; the pipe ends a `wait` that a signal would otherwise not interrupt."""
        signal.set_wakeup_fd(self._signal_write_fd, warn_on_full_buffer=False)
        for number in stop_signals:
            signal.signal(number, self._on_stop_signal)
        # The supervisor forks with them blocked: a stop that came before this is obeyed now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stop_signals)

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
def stage_context(
    name: str, config: Config, line: WorkerEnd | None = None
) -> Iterator[StageContext]:
    """A context in this process: named, with its own ZeroMQ context, its signals caught.

    A stage with a supervisor ignores SIGINT: a terminal sends it to the whole group, and the
    supervisor stops the stages in their order. SIGHUP, too, is its business.
    """
    lib.aod_name_process(f"aod-{name}".encode())
    zmq_context = zmq.Context()
    context = StageContext(name, config, zmq_context, line)
    # A snapshot is the supervisor's business; `systemctl kill -s USR1` asks the whole service, and
    # so the commands of capture, too: what is ignored here they ignore.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    faulthandler.enable()  # a crash in C says where; SIGQUIT asks a stage that hangs
    if line is not None:
        faulthandler.register(ASK_WHERE)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        context.catch_signals([signal.SIGTERM])
    else:
        context.catch_signals([signal.SIGTERM, signal.SIGINT])
    try:
        yield context
    finally:
        context.close()
        zmq_context.term()


def run_stage(name: str, run: Run, config: Config, line: WorkerEnd | None = None) -> int:
    """Run a stage in this process to its end; its exit status."""
    try:
        with stage_context(name, config, line) as context:
            return run(context)
    except Exception as error:
        # The edge of the process: whatever it was, it goes to the log, and the supervisor (or the
        # person) learns of it by the exit status. Why, it tells when it gives up.
        log.ROOT.getChild(name).exception("failed")
        if line is not None:
            line.tell(Health(name, os.getpid(), "failed", {}, why(error)))
        return 1


def why(error: Exception) -> str:
    """An error in one line."""
    return one_line(f"{type(error).__name__}: {error}").removesuffix(": ")
