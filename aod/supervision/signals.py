"""The supervisor's signals: their handlers only set what the main loop then reads."""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Final

_STOPS: Final = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Caught signals, and a descriptor that is readable when one came.

    Attributes:
        stops: how many asked for a shutdown.
        stop_name: the first of them.
    """

    def __init__(self) -> None:
        self.stops = 0
        self.stop_name = ""
        self._snapshot = self._reload = False
        self._had_terminal = os.isatty(sys.stderr.fileno())
        self._fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def catch(self) -> None:
        """Install the handlers."""
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number in _STOPS:
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._hang_up)
        signal.signal(signal.SIGUSR1, self._request_snapshot)

    def fileno(self) -> int:
        return self._fd

    def clear(self) -> None:
        """Mark those that came as seen."""
        with suppress(BlockingIOError):
            os.read(self._fd, 64)

    def close(self) -> None:
        os.close(self._fd)
        os.close(self._write_fd)

    def snapshot(self) -> str:
        """Why a snapshot was requested since the last call; empty: it was not."""
        requested, self._snapshot = self._snapshot, False
        return "SIGUSR1 asked for it" if requested else ""

    def reload(self) -> bool:
        """Whether a reload was requested since the last call."""
        requested, self._reload = self._reload, False
        return requested

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self.stops += 1
        self.stop_name = self.stop_name or signal.Signals(number).name

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        """A terminal that went away ends the daemon; otherwise SIGHUP requests a reload."""
        if self._had_terminal and not os.isatty(sys.stderr.fileno()):
            self._stop(number, frame)
        else:
            self._reload = True

    def _request_snapshot(self, _number: int, _frame: FrameType | None) -> None:
        self._snapshot = True
