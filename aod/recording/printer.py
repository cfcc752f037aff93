"""Print operations as they finish: what `aod-stage collect --print` does instead of collecting."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

from aod.config.schema import Config
from aod.detectors.describe import FINISHED, operations
from aod.event import Events
from aod.recording.listen import POLL_SEC, listening
from aod.smb.peers import Names

HEADING: Final = (
    f"{'time':<15} {'command':<20} {'latency':>12} {'status':<32} {'task':<24} session/tree/mid"
)


def lines(events: Events, realtime_offset_ns: int) -> Iterator[str]:
    """One line a record."""
    for one in operations(events, Names()):
        moment = datetime.fromtimestamp((one.end_ns + realtime_offset_ns) / 1e9, tz=UTC)
        yield (
            f"{moment:%H:%M:%S.%f} {one.command:<20} {one.latency_ns / 1e6:>9.3f} ms "
            f"{one.status if one.state == FINISHED else one.state:<32} "
            f"{f'{one.comm}[{one.pid}]':<24} {one.session_id:#x}/{one.tree_id}/{one.mid}"
        )


def print_events(config: Config, stopping: Callable[[], bool], write: Callable[[str], None]) -> int:
    """Print until told to stop, beside a running daemon or without one.

    Raises LockedError: another one prints."""
    with listening(config, "print") as listener:
        write(HEADING)
        while not stopping():
            if (note := listener.attach()) and not listener.attached:
                write(f"# {note}")
            for text in lines(listener.read(), listener.event_log.realtime_offset_ns):
                write(text)
            if not listener.behind:
                time.sleep(POLL_SEC)
    return 0
