"""The supervisor's signals: their handler only counts them, the main loop acts on them."""

import os
import signal
import sys
from collections import Counter
from contextlib import suppress
from types import FrameType
from typing import Final

_STOPS: Final = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Caught signals, and a descriptor that is readable when one came.

    Attributes:
        stops: how many asked for a shutdown.
        stop_name: the first of them."""

    def __init__(self) -> None:
        self.stops = 0
        self.stop_name = ""
        self._pending: Counter[int] = Counter()
        self._had_terminal = os.isatty(sys.stderr.fileno())
        self._fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def catch(self) -> None:
        """Install the handler."""
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number in (*_STOPS, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, self._handle)

    def fileno(self) -> int:
        return self._fd

    def clear(self) -> None:
        """Mark those that came as seen."""
        with suppress(BlockingIOError):
            os.read(self._fd, 64)

    def close(self) -> None:
        os.close(self._fd)
        os.close(self._write_fd)

    def take(self, number: signal.Signals) -> bool:
        """Whether SIGHUP (a reload) or SIGUSR1 (a snapshot) came since the last call."""
        return self._pending.pop(number, 0) > 0

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        """A SIGHUP of a terminal that went away is a stop, too."""
        hung_up = number == signal.SIGHUP and self._had_terminal
        if number in _STOPS or (hung_up and not os.isatty(sys.stderr.fileno())):
            self.stops += 1
            self.stop_name = self.stop_name or signal.Signals(number).name
        else:
            self._pending[number] += 1
