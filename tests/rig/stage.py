"""A stage in a process of its own, between sockets of the test's."""

import contextlib
import multiprocessing
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeVar

import zmq

from aod.config.schema import Config
from aod.stages.base import StageContext, run_stage
from aod.stages.channel import SupervisorEnd, WorkerEnd
from aod.state import spool
from aod.transport.wire import Health, Inbox, Message, Outbox

M = TypeVar("M", bound=Message)
PATIENCE_SEC = 20.0
_FORK = multiprocessing.get_context("fork")


def spool_of(made: Config) -> Path:
    return made.state_dir / spool.FOLDER


def start(name: str, run: Callable[[StageContext], int], made: Config) -> BaseProcess:
    """Start a stage as the supervisor does; before any socket of the test's."""
    process, line = start_with_line(name, run, made)
    line._socket.detach()  # stays open: closed, it would mean that the supervisor is gone
    return process


def start_with_line(
    name: str, run: Callable[[StageContext], int], made: Config
) -> tuple[BaseProcess, SupervisorEnd]:
    """Start a stage as the supervisor does; its process, and the supervisor's end of its line."""
    ours, theirs = SupervisorEnd.pair()

    def child() -> None:
        ours.close()
        raise SystemExit(run_stage(name, run, made, theirs))

    process = _FORK.Process(target=child, daemon=True)
    process.start()
    theirs.close()
    return process, ours


def next_beat(line: SupervisorEnd) -> Health:
    """The newest heartbeat; fails when none comes for a long time."""
    assert select.select([line], [], [], PATIENCE_SEC)[0], "no heartbeat"
    return line.receive()[-1]


def stop(process: BaseProcess) -> int | None:
    """SIGTERM and wait; the exit status."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    process.join(PATIENCE_SEC)
    return process.exitcode


def kill(process: BaseProcess) -> None:
    """SIGKILL and wait."""
    process.kill()
    process.join(PATIENCE_SEC)
    assert process.exitcode == -signal.SIGKILL


class Peers:
    """What surrounds a stage."""

    def __init__(self, made: Config, zmq_context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self._config = made
        self._zmq = zmq_context
        self._boxes: list[Inbox | Outbox] = []

    def inbox(self, owner: str) -> Inbox:
        self._boxes.append(box := Inbox(self._zmq, self._config.runtime_dir, owner))
        return box

    def outbox(self, receiver: str) -> Outbox:
        self._boxes.append(box := Outbox(self._zmq, self._config.runtime_dir, receiver))
        return box

    def context(self, name: str, line: WorkerEnd | None = None) -> StageContext:
        """A stage's context in this very process."""
        return StageContext(name, self._config, self._zmq, line)

    def close(self) -> None:
        for box in self._boxes:
            box.close()


@contextmanager
def peers(made: Config) -> Iterator[Peers]:
    zmq_context = zmq.Context()
    around = Peers(made, zmq_context)
    try:
        yield around
    finally:
        around.close()
        zmq_context.destroy(linger=0)


def received(inbox: Inbox) -> Message | None:
    """The next message that has come, or None."""
    return next(inbox.messages(), None)


def next_message(inbox: Inbox, kind: type[M]) -> M:
    """The next message, of that kind; fails when none comes for a long time."""
    assert inbox.socket.poll(int(PATIENCE_SEC * 1000)), "no message"
    message = received(inbox)
    assert isinstance(message, kind)
    return message
