"""How a command ends: exit codes, errors that a user can fix, signals."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Final

from aod import log, systemd
from aod.capture.snapshot import SnapshotError
from aod.config.load import ConfigError
from aod.host.preflight import PreflightError
from aod.log import LevelError
from aod.recording.format import RecordingError
from aod.recording.writer import RecordingWriteError
from aod.state.lock import LockedError
from aod.supervision.folders import FolderError
from aod.transport.position import EventLogError

INTERRUPTED: Final = 130
CLEAN: Final = 0
OTHER: Final = 1
USAGE: Final = 2
KERNEL: Final = 3
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class UsageError(Exception):
    """The command line asks for something that does not exist."""


class StatusError(Exception):
    """There is no daemon to ask, or it may not be asked."""


_CODES: Final[dict[type[Exception], int]] = {
    **dict.fromkeys((ConfigError, FolderError, UsageError, LevelError, RecordingError), USAGE),
    PreflightError: KERNEL,
    **dict.fromkeys((LockedError, RecordingWriteError, EventLogError), OTHER),
    **dict.fromkeys((SnapshotError, StatusError), OTHER),
}


def guarded(main: Callable[[], int]) -> int:
    """Set up logging and run it; an error that a user can fix is printed without a traceback."""
    try:
        log.setup()
        return main()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLEAN
    except tuple(_CODES) as error:
        if systemd.stderr_is_journal():
            log.ROOT.error("%s", error)
        else:
            print(error, file=sys.stderr)
        return _CODES[type(error)]


def catch_stop() -> Callable[[], bool]:
    """Catch `STOP_SIGNALS`, for a command that runs until then; whether one has come."""
    came: list[int] = []
    for number in STOP_SIGNALS:
        signal.signal(number, lambda number, _frame: came.append(number))
    return lambda: bool(came)
