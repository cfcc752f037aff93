"""Print operations as they finish: what `aod-stage collect --print` does instead of collecting."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from aod.anomaly import Operation
from aod.config.schema import Config
from aod.detectors.describe import FINISHED, operations
from aod.event import Events
from aod.recording.listen import POLL_SEC, listening
from aod.smb.peers import Names

HEADING: Final = (
    f"{'time':<15} {'command':<20} {'latency':>12} {'status':<32} {'task':<24} session/tree/mid"
)


def lines(events: Events, realtime_offset_ns: int) -> list[str]:
    """One line a record."""
    return [
        f"{_clock(one.end_ns + realtime_offset_ns)} {one.command:<20} "
        f"{one.latency_ns / 1e6:>9.3f} ms {_outcome(one):<32} "
        f"{f'{one.comm}[{one.pid}]':<24} {one.session_id:#x}/{one.tree_id}/{one.mid}"
        for one in operations(events, Names())
    ]


def _clock(epoch_ns: int) -> str:
    moment = datetime.fromtimestamp(epoch_ns / 1e9, tz=UTC)
    return f"{moment:%H:%M:%S.%f}"


def _outcome(operation: Operation) -> str:
    return operation.status if operation.state == FINISHED else operation.state


def print_events(config: Config, stopping: Callable[[], bool], write: Callable[[str], None]) -> int:
    """Print until told to stop, beside a running daemon or without one.

    Raises LockedError: another one prints."""
    with listening(config, "print") as listener:
        write(HEADING)
        while not stopping():
            if (note := listener.attach()) and not listener.attached:
                write(f"# {note}")
            for text in lines(listener.read(), listener.realtime_offset_ns):
                write(text)
            if not listener.behind:
                time.sleep(POLL_SEC)
    return 0
