"""Exit codes, and the one place where an error that a user can mend becomes one of them."""

import os
import sys
from collections.abc import Callable
from typing import Final

from aod import log, systemd
from aod.capture.snapshot import SnapshotError
from aod.config.load import ConfigError
from aod.host.preflight import PreflightError
from aod.recording.format import RecordingError
from aod.recording.writer import RecordingWriteError
from aod.state.lock import LockedError
from aod.supervision.folders import FolderError
from aod.transport.eventlog_files import EventLogError

INTERRUPTED: Final = 130
CLEAN: Final = 0
OTHER: Final = 1
USAGE: Final = 2
KERNEL: Final = 3


class UsageError(Exception):
    """The command line asks for what is not there."""


class StatusError(Exception):
    """There is no daemon to ask, or it may not be asked."""


_CODES: Final[dict[type[Exception], int]] = {
    ConfigError: USAGE,
    FolderError: USAGE,
    UsageError: USAGE,
    log.LevelError: USAGE,
    PreflightError: KERNEL,
    LockedError: OTHER,
    RecordingError: USAGE,
    RecordingWriteError: OTHER,
    EventLogError: OTHER,
    SnapshotError: OTHER,
    StatusError: OTHER,
}


def guarded(main: Callable[[], int]) -> int:
    """Set up the log and run it; say a user's error in its own words, without a traceback."""
    try:
        log.setup()
        return main()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLEAN
    except tuple(_CODES) as error:
        _say(error)
        return _CODES[type(error)]


def _say(error: Exception) -> None:
    """To a person as it is; to the journal at the priority of an error."""
    if systemd.stderr_is_journal():
        log.ROOT.error("%s", error)
    else:
        print(error, file=sys.stderr)
