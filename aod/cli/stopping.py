"""How a command that goes on until it is told to stop is told."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stopping() -> Callable[[], bool]:
    """Catch the signals from now on; whether one has come."""
    told = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal told
        told = True

    for number in SIGNALS:
        signal.signal(number, stop)
    return lambda: told
