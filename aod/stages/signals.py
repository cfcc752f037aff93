"""Caught signals: their handler only counts them, the main loop acts on them."""

import os
import signal
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from types import FrameType


class Signals:
    """Caught signals, and a descriptor that is readable when one came.

    Attributes:
        stops: how many asked for a shutdown.
        stop_name: the first of them."""

    def __init__(self) -> None:
        self.stops = 0
        self.stop_name = ""
        self._pending: Counter[int] = Counter()
        self._fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def catch(self, stops: Collection[int], others: Collection[int] = ()) -> None:
        """Install the handler for those that ask for a shutdown, and for others, to be taken."""
        self._stop_signals = stops
        self._had_terminal = os.isatty(2)
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number in (*stops, *others):
            signal.signal(number, self._handle)

    def fileno(self) -> int:
        return self._fd

    def clear(self) -> None:
        """Mark those that came as seen."""
        with suppress(BlockingIOError):
            os.read(self._fd, 64)

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._fd)
        os.close(self._write_fd)

    def take(self, number: signal.Signals) -> bool:
        """Whether one that is no stop came since the last call."""
        return self._pending.pop(number, 0) > 0

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        """A SIGHUP of a terminal (of stderr) that went away is a stop, too."""
        hung_up = number == signal.SIGHUP and self._had_terminal
        if number in self._stop_signals or (hung_up and not os.isatty(2)):
            self.stops += 1
            self.stop_name = self.stop_name or signal.Signals(number).name
        else:
            self._pending[number] += 1
