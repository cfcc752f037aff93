"""What every stage runs in: its inbox, its heartbeat, its configuration and its shutdown.

A stage is a module with `run(context) -> int`. It takes its configuration and its sockets from the
context and does not know who started it: the supervisor, or a person with `aod-stage`."""

import faulthandler
import math
import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from typing import Final

import zmq

from aod import log, text
from aod._native import lib
from aod.config.schema import Config
from aod.stages.channel import WorkerEnd
from aod.stages.signals import Signals
from aod.transport.wire import Health, HealthState, Inbox, Outbox

HEARTBEAT_INTERVAL_SEC: Final = 1.0
DUMP_STACKS: Final = signal.SIGQUIT
"""Makes a stage with a supervisor log the stacks of its threads."""
FOR_SUPERVISOR: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
"""A stage with a supervisor ignores these, though a terminal or systemd may send them to every
process: the supervisor stops the stages in their order."""

Run = Callable[["StageContext"], int]


class StageContext:
    """A stage's configuration, sockets, logger and shutdown flag.

    Attributes:
        config: as of the last `new_config`."""

    def __init__(
        self,
        name: str,
        config: Config,
        zmq_context: zmq.Context[zmq.Socket[bytes]],
        channel: WorkerEnd | None = None,
    ):
        """Without a channel to a supervisor no heartbeat is sent."""
        self.name = name
        self.config = config
        self.runtime_dir = config.runtime_dir
        self.logger = log.ROOT.getChild(name)
        self.inbox = Inbox(zmq_context, config.runtime_dir, name)
        self.signals = Signals()
        self._zmq = zmq_context
        self._outboxes: list[Outbox] = []
        self._channel = channel
        self._last_heartbeat = 0.0
        self._last_state = ("", "")
        self._poller = zmq.Poller()
        self._poller.register(self.inbox.socket, zmq.POLLIN)
        self._poller.register(self.signals.fileno(), zmq.POLLIN)
        if channel is not None:
            self._poller.register(channel.fileno(), zmq.POLLIN)

    @property
    def shutting_down(self) -> bool:
        """Finish the pending work and return: after SIGTERM, and after SIGINT in the foreground."""
        return self.signals.stops > 0

    def wake_fds(self) -> tuple[int, ...]:
        """The descriptors behind `wait`, for a stage with an event loop of its own: readable when
        there is a message, a signal (until `signals.clear`) or a configuration."""
        channel = [] if self._channel is None else [self._channel.fileno()]
        return int(self.inbox.socket.get(zmq.FD)), self.signals.fileno(), *channel

    def outbox(self, receiver: str, *, newest_only: bool = False) -> Outbox:
        """A way to send to another stage; closed with the context."""
        box = Outbox(self._zmq, self.runtime_dir, receiver, newest_only=newest_only)
        self._outboxes.append(box)
        return box

    def heartbeat(self, state: HealthState = "ready", note: str = "", **counters: int) -> None:
        """Report to the supervisor that this stage is alive; call it as often as you like.

        At most one message a second is sent, a change of `state` or `note` at once. The state of a
        stage that shuts down is `stopping`."""
        state = "stopping" if self.shutting_down else state
        now, current = time.monotonic(), (state, text.text(note))
        is_recent = now - self._last_heartbeat < HEARTBEAT_INTERVAL_SEC
        if is_recent and current == self._last_state:
            return
        self._last_heartbeat, self._last_state = now, current
        counters["rejected_messages"] = self.inbox.rejected
        if self._channel is not None:
            self._channel.send(Health(self.name, os.getpid(), state, counters, note))

    def new_config(self) -> Config | None:
        """A configuration that came since the last call; call it in the stage's loop."""
        new = None if self._channel is None else self._channel.new_config()
        if new is not None:
            self.config = new
            self.logger.info("using the new configuration")
        return new

    @property
    def stop_within_sec(self) -> float:
        """How long the shutdown may take."""
        given = None if self._channel is None else self._channel.stop_within_sec
        return self.config.supervision.drain_timeout_sec if given is None else given

    def also_wait_for(self, fd: int) -> None:
        """Let `wait` end when `fd` is readable, too."""
        self._poller.register(fd, zmq.POLLIN)

    def wait(self, timeout_sec: float) -> None:
        """Until there is a message, a signal, a configuration, or something to read elsewhere."""
        if not self.shutting_down:
            self._poller.poll(math.ceil(timeout_sec * 1000))  # rounded up: never a busy loop

    def close(self) -> None:
        """Close the sockets; queued messages get a moment to leave."""
        self.inbox.close()
        for box in self._outboxes:
            box.close()
        self.signals.close()


def _set_signals(caught: Signals, *, supervised: bool) -> None:
    # SIGUSR1 is for the supervisor, but `systemctl kill -s USR1` sends it to the whole service. The
    # commands that capture runs inherit that it is ignored.
    for number in FOR_SUPERVISOR if supervised else (signal.SIGUSR1,):
        signal.signal(number, signal.SIG_IGN)
    faulthandler.enable()  # a crash in C logs where it was
    if supervised:
        faulthandler.register(DUMP_STACKS)
    caught.catch([signal.SIGTERM] if supervised else [signal.SIGTERM, signal.SIGINT])
    # The supervisor forks with these blocked: a SIGTERM that came before is delivered now.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, *FOR_SUPERVISOR))


def run_stage(name: str, run: Run, config: Config, channel: WorkerEnd | None = None) -> int:
    """Run a stage in this process, named after it, to its end; its exit status."""
    lib.aod_name_process(f"aod-{name}".encode())
    zmq_context = zmq.Context()
    try:
        with closing(StageContext(name, config, zmq_context, channel)) as context:
            _set_signals(context.signals, supervised=channel is not None)
            return run(context)
    except Exception as error:
        return report_failure(name, error, channel)
    finally:
        zmq_context.term()


def report_failure(name: str, error: Exception, channel: WorkerEnd | None = None) -> int:
    """Log why a stage ends, and report it to the supervisor; the exit status."""
    log.ROOT.getChild(name).exception("failed")
    if channel is not None:
        why = text.one_line(f"{type(error).__name__}: {error}").removesuffix(": ")
        channel.send(Health(name, os.getpid(), "failed", {}, why))
    return 1
